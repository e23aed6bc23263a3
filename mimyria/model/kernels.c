/* The costly layers of `Network` in single precision, for inference on a CPU: the same sums as in layers.py.

A few atoms of one species go through a whole layer at once, so that what lies between stays in the first caches; that,
and no detour over large arrays, is why it is faster than the same in torch. All of it is one small product of matrices,
c = a b, called with different strides. Atoms stand in the order of their species, which end at the places `ends`. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__AVX512F__)
#define LANES 16
#define WIDE 4 /* vectors in a row of a tile: 6 * 4 sums fit into the registers */
#else
#define LANES 8
#define WIDE 2
#endif
#define ATOMS 6 /* that go through a layer together */

typedef float vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int ints __attribute__((vector_size(4 * LANES)));
typedef int64_t count;
#define INLINE static inline __attribute__((always_inline))

/* Rows of a matrix product: a[row, k] with k = (k2, k1), b[k, column], c[row, column]; strides in floats. */
typedef struct {
    const float *a;
    count a_row, a_k1, a_k2, k1, k2;
    const float *b;
    count b_k;
    float *c;
    count c_row;
    int add; /* to what c holds */
} product;

INLINE void tile(const int rows, const int vectors, const count a_row, const product *p, count row, count column)
{
    vec sum[6][WIDE];
    const float *a = p->a + row * a_row, *b = p->b + column;
    float *c = p->c + row * p->c_row + column;
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            sum[r][v] = p->add ? *(vec *)(c + r * p->c_row + v * LANES) : (vec){0};
    for (count k2 = 0; k2 < p->k2; k2++) {
        const float *one = a + k2 * p->a_k2;
        for (count k1 = 0; k1 < p->k1; k1++, b += p->b_k, one += p->a_k1) {
#pragma GCC unroll 6
            for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
                for (int v = 0; v < vectors; v++)
                    sum[r][v] += one[r * a_row] * *(const vec *)(b + v * LANES);
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            *(vec *)(c + r * p->c_row + v * LANES) = sum[r][v];
}

INLINE void tiles(const int vectors, const count a_row, const product *p, count rows, count column)
{
    count row = 0;
    for (; row + 6 <= rows; row += 6)
        tile(6, vectors, a_row, p, row, column);
    for (; row + 3 <= rows; row += 3)
        tile(3, vectors, a_row, p, row, column);
    for (; row < rows; row++)
        tile(1, vectors, a_row, p, row, column);
}

INLINE void columns_of(const count a_row, const product *p, count rows, count vectors)
{
    count v = 0;
#if WIDE == 4
    for (; v + 4 <= vectors && v + 6 != vectors; v += 4)
        tiles(4, a_row, p, rows, v * LANES);
    for (; v + 3 <= vectors; v += 3)
        tiles(3, a_row, p, rows, v * LANES);
#endif
    for (; v + 2 <= vectors; v += 2)
        tiles(2, a_row, p, rows, v * LANES);
    for (; v < vectors; v++)
        tiles(1, a_row, p, rows, v * LANES);
}

/* Columns of b and c count in whole vectors; rows of a that stand side by side are what takes longest. */
static void multiply(count rows, count vectors, product p)
{
    if (p.a_row == 1)
        columns_of(1, &p, rows, vectors);
    else
        columns_of(p.a_row, &p, rows, vectors);
}

INLINE vec choose(ints which, vec one, vec other) { return (vec)((which & (ints)one) | (~which & (ints)other)); }

/* exp x = 2^n exp(x - n ln 2), by a polynomial good to the last digits of a float. */
INLINE vec exponential(vec x)
{
    const vec limit = (vec){0} + 87.0f;
    x = choose(x < -limit, -limit, choose(x > limit, limit, x));
    vec shifted = x * 1.44269504f + 12582912.0f; /* 1.5 * 2^23: the last bits are the nearest integer */
    vec n = shifted - 12582912.0f;
    vec r = x - n * 0.693359375f + n * 2.12194440e-4f;
    vec y = 1.9875691e-4f * r + 1.3981999e-3f;
    y = y * r + 8.3334519e-3f;
    y = y * r + 4.1665796e-2f;
    y = y * r + 1.6666666e-1f;
    y = y * r + 0.5f;
    y = y * r * r + r + 1.0f;
    return y * (vec)((__builtin_convertvector(n, ints) + 127) << 23);
}

static count whole(count n) { return (n + LANES - 1) / LANES * LANES; }

/* Copy rows of `groups` pieces of n floats, times a factor, to rows whose pieces are filled with zeros to whole vectors. */
static void pack(const float *from, count rows, count groups, count n, float factor, float *to)
{
    for (count i = 0; i < rows * groups; i++)
        for (count j = 0; j < whole(n); j++)
            to[i * whole(n) + j] = j < n ? factor * from[i * n + j] : 0.0f;
}

static float *room(count n) { return calloc(n + 2 * LANES, sizeof(float)); }

/* x (harmonics, n, n_in) -> out (harmonics, n, n_out), as `SphereProduct`.

to_sphere (points, harmonics) and from_sphere (harmonics, points) have one point of each pair of opposite ones, even l
first: f(-r) = f_even(r) - f_odd(r). order: place of the harmonics so sorted. Weights as in torch, with the factors that their
maps multiply by. Returns zero, or one where there is no memory. */
int sphere_product(const float *x, count n, const count *ends, count n_species, count l_max, count n_in, count n_out,
                   count factors, count points, count n_even, const count *order, const float *to_sphere,
                   const float *from_sphere, const float *w_factors, const float *w_mix, const float *w_gate,
                   double s_factors, double s_mix, double s_gate, float *out)
{
    const count harmonics = (l_max + 1) * (l_max + 1), wide = whole(n_out), all = factors * wide;
    const count n_mix = n_in + (factors - 1) * n_out, made = (factors - 1) * wide;
    float *wf = room((l_max + 1) * n_in * all), *wm = room((l_max + 1) * n_mix * wide), *wg = room(n_out * l_max * wide);
    float *f = room(harmonics * ATOMS * all), *even = room(points * factors * LANES), *odd = room(points * factors * LANES);
    float *fg = room(harmonics * ATOMS * made), *y = room(harmonics * ATOMS * wide), *gate = room(ATOMS * l_max * wide);
    const int failed = !(wf && wm && wg && f && even && odd && fg && y && gate);
    count begin = 0;
    for (count s = 0; s < n_species && !failed; s++) {
        pack(w_factors + s * (l_max + 1) * n_in * factors * n_out, (l_max + 1) * n_in, factors, n_out, s_factors, wf);
        pack(w_mix + s * (l_max + 1) * n_mix * n_out, (l_max + 1) * n_mix, 1, n_out, s_mix, wm);
        pack(w_gate + s * n_out * l_max * n_out, n_out, l_max, n_out, s_gate, wg);
        for (count first = begin; first < ends[s]; first += ATOMS) {
            const count atoms = ends[s] - first < ATOMS ? ends[s] - first : ATOMS;
            /* linear images f[harmonic, atom, factor, channel], harmonics with even l first */
            for (count i = 0; i < harmonics; i++) {
                count degree = 0;
                while ((degree + 1) * (degree + 1) <= order[i])
                    degree++;
                multiply(atoms, all / LANES,
                         (product){x + (order[i] * n + first) * n_in, n_in, 1, 0, n_in, 1, wf + degree * n_in * all, all,
                                   f + i * ATOMS * all, all, 0});
            }
            /* for so many channels of an atom as a vector has: values at the points, their products, projections */
            for (count a = 0; a < atoms; a++)
                for (count u = 0; u < wide; u += LANES) {
                    for (count k = 0; k < factors; k++) {
                        const float *fk = f + a * all + k * wide + u;
                        multiply(points, 1, (product){to_sphere, harmonics, 1, 0, n_even, 1, fk, ATOMS * all,
                                                      even + k * LANES, factors * LANES, 0});
                        multiply(points, 1, (product){to_sphere + n_even, harmonics, 1, 0, harmonics - n_even, 1,
                                                      fk + n_even * ATOMS * all, ATOMS * all, odd + k * LANES,
                                                      factors * LANES, 0});
                    }
                    for (count p = 0; p < points; p++) {
                        vec *e = (vec *)(even + p * factors * LANES), *o = (vec *)(odd + p * factors * LANES);
                        for (count k = 1; k < factors; k++) {
                            const vec both = e[k - 1] * e[k] + o[k - 1] * o[k];
                            o[k] = e[k - 1] * o[k] + o[k - 1] * e[k];
                            e[k] = both;
                        }
                    }
                    for (count k = 1; k < factors; k++) {
                        float *to = fg + a * made + (k - 1) * wide + u;
                        multiply(n_even, 1, (product){from_sphere, points, 1, 0, points, 1, even + k * LANES,
                                                      factors * LANES, to, ATOMS * made, 0});
                        multiply(harmonics - n_even, 1,
                                 (product){from_sphere + n_even * points, points, 1, 0, points, 1, odd + k * LANES,
                                           factors * LANES, to + n_even * ATOMS * made, ATOMS * made, 0});
                    }
                }
            /* mix what came in and the products */
            for (count i = 0; i < harmonics; i++) {
                count degree = 0;
                while ((degree + 1) * (degree + 1) <= order[i])
                    degree++;
                const float *w = wm + degree * n_mix * wide;
                float *to = y + order[i] * ATOMS * wide;
                multiply(atoms, wide / LANES, (product){x + (order[i] * n + first) * n_in, n_in, 1, 0, n_in, 1, w, wide,
                                                        to, wide, 0});
                multiply(atoms, wide / LANES, (product){fg + i * ATOMS * made, made, 1, wide, n_out, factors - 1,
                                                        w + n_in * wide, wide, to, wide, 1});
            }
            /* gates 2 / (1 + exp(-g)) for each l > 0, x / (1 + exp(-x)) for the scalars */
            multiply(atoms, l_max * wide / LANES, (product){y, wide, 1, 0, n_out, 1, wg, l_max * wide, gate,
                                                            l_max * wide, 0});
            for (count i = 0; i < atoms * l_max * wide; i += LANES) {
                vec *g = (vec *)(gate + i);
                *g = 2.0f / (1.0f + exponential(-*g));
            }
            for (count degree = 0; degree <= l_max; degree++)
                for (count lm = degree * degree; lm < (degree + 1) * (degree + 1); lm++)
                    for (count a = 0; a < atoms; a++) {
                        float *value = y + (lm * ATOMS + a) * wide;
                        for (count u = 0; u < wide; u += LANES) {
                            vec *v = (vec *)(value + u);
                            *v = degree ? *v * *(vec *)(gate + (a * l_max + degree - 1) * wide + u)
                                        : *v / (1.0f + exponential(-*v));
                        }
                        memcpy(out + (lm * n + first + a) * n_out, value, n_out * sizeof(float));
                    }
        }
        begin = ends[s];
    }
    free(wf), free(wm), free(wg), free(f), free(even), free(odd), free(fg), free(y), free(gate);
    return failed;
}

/* x (harmonics, n, n_in) -> out (harmonics, n, n_out), as `SpeciesLinear`; degree: which weights a harmonic takes. */
int linear(const float *x, count n, const count *ends, count n_species, count harmonics, const count *degree,
           count n_degrees, count n_in, count n_out, const float *weight, double scale, float *out)
{
    const count wide = whole(n_out);
    float *w = room(n_degrees * n_in * wide), *y = room(ATOMS * wide);
    const int failed = !(w && y);
    count begin = 0;
    for (count s = 0; s < n_species && !failed; s++) {
        pack(weight + s * n_degrees * n_in * n_out, n_degrees * n_in, 1, n_out, scale, w);
        for (count lm = 0; lm < harmonics; lm++)
            for (count first = begin; first < ends[s]; first += ATOMS) {
                const count atoms = ends[s] - first < ATOMS ? ends[s] - first : ATOMS;
                multiply(atoms, wide / LANES, (product){x + (lm * n + first) * n_in, n_in, 1, 0, n_in, 1,
                                                        w + degree[lm] * n_in * wide, wide, y, wide, 0});
                for (count a = 0; a < atoms; a++)
                    memcpy(out + (lm * n + first + a) * n_out, y + a * wide, n_out * sizeof(float));
            }
        begin = ends[s];
    }
    free(w), free(y);
    return failed;
}

/* Sums over the neighbours of some atoms, (l', m' n_sent, lm radial) with whole vectors of lm radial, through the weights
of each pair of degrees: -> mixed (pairs, ATOMS, wide), added to what it holds or not. */
static void mix_pairs(const float *sums, count size, count atoms, count l_sent, const count *here, count n_sent, count radial,
                      const float *w, const count *degree_pairs, count wide, float *mixed, int add)
{
    count pair = 0, offset = 0;
    for (count l = 0; l <= l_sent; l++) {
        const count columns = whole(here[l] * radial);
        for (count m = 0; m < 2 * l + 1; m++, offset += n_sent * columns)
            for (count lm = 0; lm < here[l]; lm++, pair++)
                if (degree_pairs[pair] >= 0)
                    multiply(atoms, wide / LANES,
                         (product){sums + offset + lm * radial, size, 1, columns, radial, n_sent,
                                   w + degree_pairs[pair] * n_sent * radial * wide, wide, mixed + pair * ATOMS * wide,
                                   wide, add});
    }
}

/* What an atom gives to its neighbours of one species, sums = -(-1)^l own[l'm' u] around[lm b]: Y_lm(-r) = (-1)^l Y_lm(r).

own (l'm' n_sent); around (harmonics radial), the sum of the basis over these neighbours; sums as in `mix_pairs`. */
static void give(const float *own, const float *around, count l_sent, const count *here, count n_sent, count radial,
                 float *sums)
{
    for (count l = 0; l <= l_sent; l++) {
        const count columns = whole(here[l] * radial);
        for (count u = 0; u < (2 * l + 1) * n_sent; u++, sums += columns, own++) {
            count i = 0;
            for (count degree = 0; degree * degree < here[l]; degree++) {
                const float factor = degree % 2 ? *own : -*own;
                for (; i < (degree + 1) * (degree + 1) * radial; i++)
                    sums[i] = factor * around[i];
            }
        }
    }
}

/* What the neighbours send, coupled with where they are, as `Message` after `send`: -> out (made, n, channels).

sent (all atoms, l'm' n_sent); near (n, k); basis (n, k, harmonics radial), which are used up to here[l'] harmonics;
degree_pairs (pairs): which weights a pair l'm' lm takes, or -1; coupling (made, pairs); scale multiplies the result. With own
(n, l'm' n_sent) and the species of those near, kinds (n, k), less what these atoms give them, as `Exchange`. */
int message(const float *sent, const count *near, const float *basis, count n, count k, const count *ends,
            count n_species, count harmonics, count radial, count l_sent, const count *here, count n_sent, count channels,
            count pairs, const count *degree_pairs, count n_degrees, count made, const float *coupling,
            const float *w_mix, double scale, const float *own, const count *kinds, float *out)
{
    const count wide = whole(channels), row = (l_sent + 1) * (l_sent + 1) * n_sent, line = whole(harmonics * radial);
    const count n_in = n_sent * radial;
    count size = 0; /* of the sums of an atom */
    for (count l = 0; l <= l_sent; l++)
        size += (2 * l + 1) * n_sent * whole(here[l] * radial);
    const count of_species = n_degrees * n_in * wide;
    float *w = room(n_species * of_species), *theirs = room(k * row), *places = room(k * line);
    float *sums = room(ATOMS * size), *mixed = room(pairs * ATOMS * wide), *y = room(made * ATOMS * wide);
    float *around = room(own ? ATOMS * n_species * line : 0);
    const int failed = !(w && theirs && places && sums && mixed && y && around);
    count begin = 0;
    if (!failed)
        pack(w_mix, n_species * n_degrees * n_in, 1, channels, scale, w);
    for (count s = 0; s < n_species && !failed; s++) {
        for (count first = begin; first < ends[s]; first += ATOMS) {
            const count atoms = ends[s] - first < ATOMS ? ends[s] - first : ATOMS;
            for (count a = 0; a < atoms; a++) {
                /* a neighbour beyond the cutoff counts nothing: all of its radial functions are zero */
                count seen = 0;
                if (own)
                    memset(around + a * n_species * line, 0, n_species * line * sizeof(float));
                for (count j = 0; j < k; j++) {
                    const float *from = basis + ((first + a) * k + j) * harmonics * radial;
                    if (from[0] == 0.0f)
                        continue;
                    const count place = near[(first + a) * k + j];
                    memcpy(theirs + seen * row, sent + place * row, row * sizeof(float));
                    memcpy(places + seen * line, from, harmonics * radial * sizeof(float));
                    seen++;
                    if (own) {
                        float *sum = around + (a * n_species + kinds[(first + a) * k + j]) * line;
                        for (count i = 0; i < harmonics * radial; i++)
                            sum[i] += from[i];
                    }
                }
                float *to = sums + a * size;
                for (count l = 0; l <= l_sent; l++) {
                    const count columns = whole(here[l] * radial);
                    multiply((2 * l + 1) * n_sent, columns / LANES, (product){theirs + l * l * n_sent, 1, row, 0, seen, 1,
                                                                              places, line, to, columns, 0});
                    to += (2 * l + 1) * n_sent * columns;
                }
            }
            mix_pairs(sums, size, atoms, l_sent, here, n_sent, radial, w + s * of_species, degree_pairs, wide, mixed, 0);
            for (count kind = 0; own && kind < n_species; kind++) {
                int any = 0; /* of that species near one of these atoms */
                for (count a = 0; a < atoms; a++)
                    any |= around[(a * n_species + kind) * line] != 0.0f;
                if (!any)
                    continue;
                for (count a = 0; a < atoms; a++)
                    give(own + (first + a) * row, around + (a * n_species + kind) * line, l_sent, here, n_sent, radial,
                         sums + a * size);
                mix_pairs(sums, size, atoms, l_sent, here, n_sent, radial, w + kind * of_species, degree_pairs, wide, mixed,
                          1);
            }
            multiply(made, atoms * wide / LANES, (product){coupling, pairs, 1, 0, pairs, 1, mixed, ATOMS * wide, y,
                                                           ATOMS * wide, 0});
            for (count lm = 0; lm < made; lm++)
                for (count a = 0; a < atoms; a++)
                    memcpy(out + (lm * n + first + a) * channels, y + (lm * ATOMS + a) * wide, channels * sizeof(float));
        }
        begin = ends[s];
    }
    free(w), free(theirs), free(places), free(sums), free(mixed), free(y), free(around);
    return failed;
}

/* The most neighbours nearer than a cutoff that an atom has; vectors (n, k, 3). */
int most_near(const float *vectors, count n, count k, double cutoff, count *most)
{
    *most = 1;
    for (count a = 0; a < n; a++) {
        count near = 0;
        for (const float *v = vectors + 3 * a * k; v < vectors + 3 * (a + 1) * k; v += 3)
            near += v[0] * v[0] + v[1] * v[1] + v[2] * v[2] < cutoff * cutoff;
        *most = near > *most ? near : *most;
    }
    return 0;
}

/* Y_lm of LANES directions, as `harmonics`; a and b of its recurrence for each l and m. */
INLINE void spherical(vec x, vec y, vec z, count l_max, const float *a, const float *b, const float *first, vec *found,
                      count step)
{
    vec cosine = (vec){0} + 1.0f, sine = (vec){0};
    for (count m = 0; m <= l_max; m++) {
        vec legendre = (vec){0} + first[m], before = (vec){0};
        for (count l = m; l <= l_max; l++) {
            if (l > m) {
                const vec next = a[l * (l_max + 1) + m] * y * legendre - b[l * (l_max + 1) + m] * before;
                before = legendre;
                legendre = next;
            }
            found[(l * (l + 1) + m) * step] = legendre * cosine;
            if (m)
                found[(l * (l + 1) - m) * step] = legendre * sine;
        }
        const vec turned = z * cosine - x * sine;
        sine = z * sine + x * cosine;
        cosine = turned;
    }
}

/* Radial functions of LANES distances, as `radial_functions`, b^-fall by `factors`; sin and cos of pi x as those of
t = pi (x - 1/2). */
INLINE void radial(vec r, float cutoff, count number, count p, const float *factors, vec *found, count step)
{
    const vec one = (vec){0} + 1.0f, x = r / cutoff, t = (choose(x < one, x, one) - 0.5f) * 3.14159265f, t2 = t * t;
    const vec sine = 1.0f + t2 * (-0.5f + t2 * (4.16666667e-2f + t2 * (-1.38888889e-3f + t2 * (2.48015873e-5f
                     + t2 * (-2.75573192e-7f + t2 * 2.08767570e-9f)))));
    const vec cosine = -t * (1.0f + t2 * (-1.66666667e-1f + t2 * (8.33333333e-3f + t2 * (-1.98412698e-4f
                       + t2 * (2.75573192e-6f + t2 * -2.50521084e-8f)))));
    vec power = one, square = x;
    for (count bits = p; bits; bits >>= 1, square *= square)
        if (bits & 1)
            power *= square;
    const float q = p;
    const vec fall = (q + 1) * (q + 2) / 2 - q * (q + 2) * x + q * (q + 1) / 2 * x * x;
    const vec envelope = choose(x < one, one - power * fall, (vec){0});
    vec before = (vec){0}, wave = sine * sqrtf(2.0f / cutoff) * envelope / r;
    for (count b = 0; b < number; b++) {
        const vec next = 2.0f * cosine * wave - before;
        found[b * step] = factors[b] * wave;
        before = wave;
        wave = next;
    }
}

/* Density (harmonics, n, species radial), near (n, k_near) and basis (n, k_near, harmonics radial_near) of `Geometry`.

vectors (n, k, 3), neighbours (n, k), kinds (n, k): the species of each neighbour. What is not asked for is NULL; after
basis there is room for 16 more numbers. */
int geometry(const float *vectors, const count *neighbours, const count *kinds, count n, count k, count n_species,
             count l_max, count p, double fall, double cutoff, count n_radial, float *density, double cutoff_near,
             count radial_near, count k_near, count *near, count *near_kinds, float *basis)
{
    const count harmonics = (l_max + 1) * (l_max + 1), groups = whole(k) / LANES, columns = whole(n_species * n_radial);
    const count l1 = l_max + 1;
    float *constants = room(l1 * (2 * l1 + 1)), *rows = room(harmonics * columns), *weights = room(k * columns);
    vec *y = (vec *)room(harmonics * whole(k)), *r = (vec *)room(n_radial * whole(k)), *q = (vec *)room(radial_near * whole(k));
    const count most_radial = n_radial > radial_near ? n_radial : radial_near;
    float *distances = room(whole(k)), *line = room(whole(radial_near)), *factors = room(whole(most_radial));
    const int failed = !(constants && rows && weights && y && r && q && distances && line && factors);
    for (count i = 0; i < most_radial && !failed; i++)
        factors[i] = powf(i + 1, -fall);
    float *a = constants, *b = constants + l1 * l1, *first = constants + 2 * l1 * l1;
    for (count m = 0; m < l1 && !failed; m++) {
        first[m] = m ? first[m - 1] * sqrtf((2.0f * m + 1) / (2.0f * m) * (m == 1 ? 2 : 1)) : 1.0f;
        for (count l = m + 1; l < l1; l++) {
            const float below = l * l - m * m;
            a[l * l1 + m] = sqrtf((4.0f * l * l - 1) / below);
            b[l * l1 + m] = l > m + 1 ? sqrtf((2.0f * l + 1) * ((l - 1) * (l - 1) - m * m) / ((2.0f * l - 3) * below)) : 0;
        }
    }
    for (count atom = 0; atom < n && !failed; atom++) {
        const count *of = neighbours + atom * k, *kind = kinds + atom * k;
        for (count g = 0; g < groups; g++) {
            float v[3][LANES];
            for (count i = 0; i < LANES; i++)
                for (count axis = 0; axis < 3; axis++)
                    v[axis][i] = g * LANES + i < k ? vectors[3 * (atom * k + g * LANES + i) + axis] : axis ? 0.0f : cutoff;
            for (count i = 0; i < LANES; i++)
                distances[g * LANES + i] = sqrtf(v[0][i] * v[0][i] + v[1][i] * v[1][i] + v[2][i] * v[2][i]);
            const vec d = *(vec *)(distances + g * LANES);
            spherical(*(vec *)v[0] / d, *(vec *)v[1] / d, *(vec *)v[2] / d, l_max, a, b, first, y + g, groups);
            if (density)
                radial(d, cutoff, n_radial, p, factors, r + g, groups);
            if (basis)
                radial(d, cutoff_near, radial_near, p, factors, q + g, groups);
        }
        const float *ys = (float *)y, *rs = (float *)r, *qs = (float *)q;
        if (density) {
            memset(weights, 0, k * columns * sizeof(float));
            for (count j = 0; j < k; j++)
                for (count i = 0; i < n_radial; i++)
                    weights[j * columns + kind[j] * n_radial + i] = rs[i * groups * LANES + j];
            multiply(harmonics, columns / LANES, (product){ys, groups * LANES, 1, 0, k, 1, weights, columns, rows, columns, 0});
            for (count lm = 0; lm < harmonics; lm++)
                memcpy(density + (lm * n + atom) * n_species * n_radial, rows + lm * columns,
                       n_species * n_radial * sizeof(float));
        }
        if (basis) {
            count seen = 0;
            float *to = basis + atom * k_near * harmonics * radial_near;
            for (count j = 0; j < k; j++)
                if (distances[j] < cutoff_near && seen < k_near) {
                    near_kinds[atom * k_near + seen] = kind[j];
                    near[atom * k_near + seen++] = of[j];
                    for (count i = 0; i < radial_near; i++)
                        line[i] = qs[i * groups * LANES + j];
                    /* whole vectors, whose ends the next ones overwrite */
                    for (count lm = 0; lm < harmonics; lm++, to += radial_near)
                        for (count i = 0; i < radial_near; i += LANES)
                            *(vec *)(to + i) = ys[lm * groups * LANES + j] * *(vec *)(line + i);
                }
            memset(to, 0, (k_near - seen) * harmonics * radial_near * sizeof(float));
            memset(near + atom * k_near + seen, 0, (k_near - seen) * sizeof(count));
            memset(near_kinds + atom * k_near + seen, 0, (k_near - seen) * sizeof(count));
        }
    }
    free(constants), free(rows), free(weights), free(y), free(r), free(q), free(distances), free(line), free(factors);
    return failed;
}

/* All pairs of the atoms `firsts` (n) with others nearer than a cutoff, every image, in their order; ends counts those
beyond `most` too.

points lie in cells of a grid, in whose order `sorted` names the atoms: those of cell c from begins[c]. Neighbours
are in cells at most `reach` away along each axis; cells beyond the end of a periodic axis are those of an image. */
int pairs_within(const count *firsts, count n, const double *points, const double *lattice, const count *periodic,
                 const count *cells, const count *reach, const count *cell_of, const count *sorted, const count *begins,
                 double cutoff, count most, count *second, double *vectors, count *ends)
{
    count found = 0;
    for (count number = 0; number < n; number++) {
        const count i = firsts[number];
        const count *here = cell_of + 3 * i;
        const double *p = points + 3 * i;
        for (count da = -reach[0]; da <= reach[0]; da++)
            for (count db = -reach[1]; db <= reach[1]; db++)
                for (count dc = -reach[2]; dc <= reach[2]; dc++) {
                    const count there[3] = {here[0] + da, here[1] + db, here[2] + dc};
                    count place[3], outside = 0;
                    double shift[3] = {-p[0], -p[1], -p[2]};
                    for (count axis = 0; axis < 3; axis++) {
                        const count image = (there[axis] >= 0 ? there[axis] : there[axis] - cells[axis] + 1) / cells[axis];
                        place[axis] = there[axis] - image * cells[axis];
                        outside |= image && !periodic[axis];
                        for (count x = 0; x < 3; x++)
                            shift[x] += image * lattice[3 * axis + x];
                    }
                    if (outside)
                        continue;
                    const count cell = (place[0] * cells[1] + place[1]) * cells[2] + place[2];
                    for (count s = begins[cell]; s < begins[cell + 1]; s++) {
                        const count j = sorted[s];
                        const double *other = points + 3 * j;
                        const double v[3] = {other[0] + shift[0], other[1] + shift[1], other[2] + shift[2]};
                        const double square = v[0] * v[0] + v[1] * v[1] + v[2] * v[2];
                        if (square >= cutoff * cutoff || (i == j && !square))
                            continue;
                        if (found < most) {
                            second[found] = j;
                            memcpy(vectors + 3 * found, v, sizeof v);
                        }
                        found++;
                    }
                }
        ends[number] = found;
    }
    return 0;
}

/* Neighbours, their species and vectors of some atoms of a frame as in `Graph`, in these rows; place and kind are those
of all atoms, of which the frame's are counted from `first`. */
int padded(count n, const count *rows, count first, const count *ends, const count *second, const double *from,
           const count *place, const count *kind, count k, double cutoff, count *neighbours, count *kinds, float *vectors)
{
    for (count i = 0, pair = 0; i < n; i++) {
        const count row = rows[i] * k;
        for (count column = row; column < row + k; column++) {
            const int real = pair < ends[i];
            const count other = real ? first + second[pair] : 0;
            neighbours[column] = real ? place[other] : 0;
            kinds[column] = real ? kind[other] : 0;
            for (count x = 0; x < 3; x++)
                vectors[3 * column + x] = real ? from[3 * pair + x] : x ? 0.0f : cutoff;
            pair += real;
        }
    }
    return 0;
}
