/* Neural-network potentials of Behler and Parrinello (Phys. Rev. Lett. 98, 146401 (2007)) of small upright cells, fast:
   energy, forces and virial of many configurations, in hartree and bohr, as the files of RuNNer and n2p2 state them.

   Symmetry functions of an atom i, with E(r) = exp(-eta r^2) f(r) and f(r) = tanh^3(1 - r/rc):
     two atoms    G = sum_j  exp(-eta (r_ij - rs)^2) f(r_ij)
     three atoms  G = 2^(1-zeta) sum_{j<k} (1 + lambda c)^zeta E(r_ij) E(r_ik) E(r_jk),  c = cos(jik)
   For whole zeta the latter are sums of moments, M_m = sum_{j<k} c^m E E E, one set for each eta, whatever zeta and lambda
   may be: so triplets are summed over once, and what a network says of G becomes a polynomial in c for the forces.
   Every edge of the cell has to exceed the cutoff. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#define MT 3    /* elements */
#define ME 6    /* eta of a group */
#define MM 7    /* moments: zeta up to 6 */
#define MG 64   /* symmetry functions of an element */
#define MH 64   /* neurons of a layer */
#define MN 512  /* neighbours of an atom, with images */
#define MS 65536 /* triplets of an atom */

typedef struct { int a, b, etas, degree; double eta[ME]; } Group;              /* elements of the two neighbours */
typedef struct { int group, eta, zeta; double lambda; } Angular;
typedef struct { int element; double eta, shift; } Radial;
typedef struct {
  int radials, angulars, groups, hidden[2];
  Radial radial[MG]; Angular angular[MG]; Group group[MT * MT];
  double low[MG], factor[MG];                                                  /* (G - low) * factor enters the network */
  double *weights;                                                             /* layer by layer: inputs x neurons, biases */
} Element;
typedef struct { int elements; double rc; Element of[MT]; } Model;

Model *nnp_new(int elements, double rc) {
  if (elements > MT) return 0;
  Model *m = calloc(1, sizeof(Model));
  m->elements = elements; m->rc = rc;
  return m;
}

/* counts: radials, angulars, groups, neurons of both layers; whole: element of each radial, group, eta and zeta of each
   angular, elements, number of eta and degree of each group; real: eta and shift, lambda, eta of each group, low, factor. */
int nnp_element(Model *m, int t, const int *counts, const int *whole, const double *real, const double *weights) {
  Element *e = m->of + t;
  e->radials = counts[0]; e->angulars = counts[1]; e->groups = counts[2]; e->hidden[0] = counts[3]; e->hidden[1] = counts[4];
  int all = e->radials + e->angulars, h0 = e->hidden[0], h1 = e->hidden[1];
  if (all > MG || h0 > MH || h1 > MH || e->groups > MT * MT) return 1;
  for (int k = 0; k < e->radials; k++) { e->radial[k] = (Radial){whole[0], real[0], real[1]}; whole++; real += 2; }
  for (int k = 0; k < e->angulars; k++) {
    e->angular[k] = (Angular){whole[0], whole[1], whole[2], real[0]};
    if (whole[2] >= MM) return 1;
    whole += 3; real++;
  }
  for (int g = 0; g < e->groups; g++) {
    Group *x = e->group + g;
    x->a = whole[0]; x->b = whole[1]; x->etas = whole[2]; x->degree = whole[3]; whole += 4;
    if (x->etas > ME) return 1;
    for (int k = 0; k < x->etas; k++) x->eta[k] = *real++;
  }
  memcpy(e->low, real, sizeof(double) * all); memcpy(e->factor, real + all, sizeof(double) * all);
  size_t size = sizeof(double) * ((all + 1) * h0 + (h0 + 1) * h1 + h1 + 1);
  e->weights = malloc(size); memcpy(e->weights, weights, size);
  return 0;
}

/* Energy of one atom and its derivatives by the symmetry functions, of which x are. */
static double network(const Element *e, const double *x, double *slope) {
  int n = e->radials + e->angulars, h0 = e->hidden[0], h1 = e->hidden[1];
  const double *w0 = e->weights, *b0 = w0 + n * h0, *w1 = b0 + h0, *b1 = w1 + h0 * h1, *w2 = b1 + h1, *b2 = w2 + h1;
  double y0[MH], y1[MH], d0[MH], d1[MH], energy = *b2;
  for (int j = 0; j < h0; j++) { double v = b0[j]; for (int i = 0; i < n; i++) v += w0[i * h0 + j] * x[i]; y0[j] = tanh(v); }
  for (int j = 0; j < h1; j++) {
    double v = b1[j]; for (int i = 0; i < h0; i++) v += w1[i * h1 + j] * y0[i];
    y1[j] = tanh(v); energy += w2[j] * y1[j]; d1[j] = w2[j] * (1 - y1[j] * y1[j]);
  }
  for (int i = 0; i < h0; i++) { double v = 0; for (int j = 0; j < h1; j++) v += w1[i * h1 + j] * d1[j]; d0[i] = v * (1 - y0[i] * y0[i]); }
  for (int i = 0; i < n; i++) { double v = 0; for (int j = 0; j < h0; j++) v += w0[i * h0 + j] * d0[j]; slope[i] = v; }
  return energy;
}

/* Neighbours of one atom, those of an element side by side; images count as neighbours of their own. */
typedef struct {
  int count, first[MT + 1], index[MN];
  double x[MN], y[MN], z[MN], r[MN], f[MN], df[MN]; /* df: f'/f */
  double fx[MN], fy[MN], fz[MN];                    /* force on the neighbour */
} Near;
/* Those within the cutoff of each other, one first neighbour after the other: cosine, r_jk, f'/f of it, E E E of every eta. */
typedef struct { int rows, end[MT * MT * MN], k[MS]; double c[MS], r[MS], df[MS], t[ME][MS]; } Triplets;

static void find(const Model *m, int i, int n, const int *type, const double *edge, const double *pos, Near *w) {
  double rc2 = m->rc * m->rc;
  w->count = 0;
  for (int t = 0; t < m->elements; t++) {
    w->first[t] = w->count;
    for (int j = 0; j < n; j++) if (type[j] == t && j != i) {
      double d[3][2]; int many[3];
      for (int k = 0; k < 3; k++) {
        double v = pos[3 * j + k] - pos[3 * i + k];
        v -= edge[k] * nearbyint(v / edge[k]);
        d[k][0] = v; d[k][1] = v > 0 ? v - edge[k] : v + edge[k];
        many[k] = fabs(d[k][1]) < m->rc ? 2 : 1;
      }
      for (int a = 0; a < many[0]; a++) for (int b = 0; b < many[1]; b++) for (int c = 0; c < many[2]; c++) {
        double r2 = d[0][a] * d[0][a] + d[1][b] * d[1][b] + d[2][c] * d[2][c];
        if (r2 >= rc2 || w->count == MN) continue;
        int p = w->count++;
        w->index[p] = j; w->x[p] = d[0][a]; w->y[p] = d[1][b]; w->z[p] = d[2][c]; w->r[p] = sqrt(r2);
      }
    }
  }
  w->first[m->elements] = w->count;
  for (int p = 0; p < w->count; p++) {
    double t = tanh(1 - w->r[p] / m->rc);
    w->f[p] = t * t * t; w->df[p] = -3 * (1 - t * t) / (t * m->rc);
  }
}

/* The triplets of a group, after those of the groups before, and their moments. */
static int sum_triplets(const Model *m, const Group *g, const Near *w, Triplets *s, double moment[ME][MM]) {
  static _Thread_local double part[ME][MN];
  double rc2 = m->rc * m->rc;
  for (int e = 0; e < g->etas; e++) {
    for (int p = 0; p < w->count; p++) part[e][p] = exp(-g->eta[e] * w->r[p] * w->r[p]) * w->f[p];
    for (int q = 0; q < MM; q++) moment[e][q] = 0;
  }
  for (int j = w->first[g->a]; j < w->first[g->a + 1]; j++) {
    int from = g->a == g->b ? j + 1 : w->first[g->b], to = w->first[g->b + 1], at = s->rows ? s->end[s->rows - 1] : 0, many = 0;
    if (at + to - from > MS) return 1;
    double x = w->x[j], y = w->y[j], z = w->z[j], r = w->r[j], square[MN], cube[MN];
    int *index = s->k + at;
#pragma omp simd
    for (int k = from; k < to; k++) { double dx = w->x[k] - x, dy = w->y[k] - y, dz = w->z[k] - z; square[k] = dx * dx + dy * dy + dz * dz; }
    for (int k = from; k < to; k++) { index[many] = k; many += square[k] < rc2; }
    double *sc = s->c + at, *sr = s->r + at, *sd = s->df + at;
#pragma omp simd
    for (int a = 0; a < many; a++) {
      int k = index[a];
      double d = sqrt(square[k]), v = exp(2 * d / m->rc - 2), t = (1 - v) / (1 + v);
      sc[a] = (x * w->x[k] + y * w->y[k] + z * w->z[k]) / (r * w->r[k]);
      sr[a] = d; sd[a] = -3 * (1 - t * t) / (t * m->rc); cube[a] = t * t * t;
    }
    for (int e = 0; e < g->etas; e++) {
      double eta = g->eta[e], own = part[e][j], *st = s->t[e] + at;
      double s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0, s6 = 0;
#pragma omp simd reduction(+ : s0, s1)
      for (int a = 0; a < many; a++) { st[a] = own * part[e][index[a]] * cube[a] * exp(-eta * sr[a] * sr[a]); s0 += st[a]; s1 += sc[a] * st[a]; }
      if (g->degree > 1) {
#pragma omp simd reduction(+ : s2, s3, s4, s5, s6)
        for (int a = 0; a < many; a++) {
          double c = sc[a], t = c * c * st[a];
          s2 += t; t *= c; s3 += t; t *= c; s4 += t; t *= c; s5 += t; s6 += c * t;
        }
      }
      double sum[MM] = {s0, s1, s2, s3, s4, s5, s6};
      for (int q = 0; q < MM; q++) moment[e][q] += sum[q];
    }
    s->end[s->rows++] = at + many;
  }
  return 0;
}

/* Forces of the triplets of a group, of which the first is the row: p[e] are the derivatives of the energy by the moments of one eta. */
static int push_triplets(const Group *g, Near *w, const Triplets *s, int row, const double p[ME][MM]) {
  for (int j = w->first[g->a]; j < w->first[g->a + 1]; j++, row++) {
    int at = row ? s->end[row - 1] : 0, many = s->end[row] - at;
    const int *index = s->k + at;
    double sum[MN], weighted[MN], slope[MN], hx[MN], hy[MN], hz[MN];
    const double *sc = s->c + at, *sr = s->r + at, *sd = s->df + at;
    for (int a = 0; a < many; a++) sum[a] = weighted[a] = slope[a] = 0;
    for (int e = 0; e < g->etas; e++) {
      const double *st = s->t[e] + at, *q = p[e]; double eta = g->eta[e];
      if (g->degree <= 1) {
#pragma omp simd
        for (int a = 0; a < many; a++) { double v = (q[0] + q[1] * sc[a]) * st[a]; sum[a] += v; weighted[a] += eta * v; slope[a] += q[1] * st[a]; }
      } else {
#pragma omp simd
        for (int a = 0; a < many; a++) {
          double c = sc[a], v = (q[0] + c * (q[1] + c * (q[2] + c * (q[3] + c * (q[4] + c * (q[5] + c * q[6])))))) * st[a];
          sum[a] += v; weighted[a] += eta * v;
          slope[a] += (q[1] + c * (2 * q[2] + c * (3 * q[3] + c * (4 * q[4] + c * (5 * q[5] + c * 6 * q[6]))))) * st[a];
        }
      }
    }
    double x = w->x[j], y = w->y[j], z = w->z[j], r = w->r[j], df = w->df[j], gx = 0, gy = 0, gz = 0;
    /* phi(c, r_ij, r_ik, r_jk): slope is its derivative by c, sum f'/f - 2 r weighted the one by a distance r.
       dc/dr_j = (u_k - c u_j)/r_ij, dc/dr_k = (u_j - c u_k)/r_ik. */
#pragma omp simd reduction(+ : gx, gy, gz)
    for (int a = 0; a < many; a++) {
      int k = index[a];
      double X = w->x[k], Y = w->y[k], Z = w->z[k], R = w->r[k], over = slope[a] / (r * R), c = sc[a] * slope[a];
      double own = ((sum[a] * df - c / r) / r - 2 * weighted[a]), his = ((sum[a] * w->df[k] - c / R) / R - 2 * weighted[a]);
      double both = sum[a] * sd[a] / sr[a] - 2 * weighted[a], dx = X - x, dy = Y - y, dz = Z - z;
      gx += own * x + over * X - both * dx; gy += own * y + over * Y - both * dy; gz += own * z + over * Z - both * dz;
      hx[a] = his * X + over * x + both * dx; hy[a] = his * Y + over * y + both * dy; hz[a] = his * Z + over * z + both * dz;
    }
    for (int a = 0; a < many; a++) { int k = index[a]; w->fx[k] -= hx[a]; w->fy[k] -= hy[a]; w->fz[k] -= hz[a]; }
    w->fx[j] -= gx; w->fy[j] -= gy; w->fz[j] -= gz;
  }
  return row;
}

static double binomial(int n, int k) { double v = 1; for (int a = 1; a <= k; a++) v = v * (n - k + a) / a; return v; }

/* The symmetry functions of atom i, as they enter its network, with what their derivatives need. */
static int describe(const Model *m, int i, int n, const int *type, const double *edge, const double *pos, Near *w, Triplets *s, double *value) {
  const Element *e = m->of + type[i];
  double moment[MT * MT][ME][MM];
  find(m, i, n, type, edge, pos, w);
  if (w->count == MN) return 1;
  for (int a = 0; a < e->radials; a++) {
    Radial f = e->radial[a]; double v = 0;
    for (int k = w->first[f.element]; k < w->first[f.element + 1]; k++) { double d = w->r[k] - f.shift; v += exp(-f.eta * d * d) * w->f[k]; }
    value[a] = v;
  }
  s->rows = 0;
  for (int g = 0; g < e->groups; g++) if (sum_triplets(m, e->group + g, w, s, moment[g])) return 1;
  for (int a = 0; a < e->angulars; a++) {
    Angular f = e->angular[a]; double v = 0, power = pow(2, 1 - f.zeta);
    for (int q = 0; q <= f.zeta; q++) { v += power * binomial(f.zeta, q) * moment[f.group][f.eta][q]; power *= f.lambda; }
    value[e->radials + a] = v;
  }
  for (int a = 0; a < e->radials + e->angulars; a++) value[a] = (value[a] - e->low[a]) * e->factor[a];
  return 0;
}

/* The forces on the neighbours, of derivatives of an energy by the symmetry functions. */
static void pull(const Element *e, Near *w, const Triplets *s, const double *slope) {
  double p[MT * MT][ME][MM] = {0};
  int row = 0;
  for (int k = 0; k < w->count; k++) w->fx[k] = w->fy[k] = w->fz[k] = 0;
  for (int a = 0; a < e->radials; a++) {
    Radial f = e->radial[a];
    for (int k = w->first[f.element]; k < w->first[f.element + 1]; k++) {
      double d = w->r[k] - f.shift, v = slope[a] * e->factor[a] * exp(-f.eta * d * d) * w->f[k] * (w->df[k] - 2 * f.eta * d) / w->r[k];
      w->fx[k] -= v * w->x[k]; w->fy[k] -= v * w->y[k]; w->fz[k] -= v * w->z[k];
    }
  }
  for (int a = 0; a < e->angulars; a++) {
    Angular f = e->angular[a]; double power = pow(2, 1 - f.zeta) * slope[e->radials + a] * e->factor[e->radials + a];
    for (int q = 0; q <= f.zeta; q++) { p[f.group][f.eta][q] += power * binomial(f.zeta, q); power *= f.lambda; }
  }
  for (int g = 0; g < e->groups; g++) row = push_triplets(e->group + g, w, s, row, p[g]);
}

/* Energy, forces and virials of `count` configurations of n atoms. Returns 1 where there are more neighbours than there is room for. */
int nnp_many(const Model *m, int count, int n, const int *type, const double *edges, const double *pos, double *energy, double *force, double *virial) {
  Near *w = malloc(sizeof(Near)); Triplets *s = malloc(sizeof(Triplets));
  int wrong = 0;
  memset(energy, 0, sizeof(double) * count); memset(force, 0, sizeof(double) * 3 * n * count); memset(virial, 0, sizeof(double) * 9 * count);
  for (int b = 0; b < count; b++, pos += 3 * n, force += 3 * n, virial += 9, edges += 3)
    for (int i = 0; i < n && !wrong; i++) {
      double value[MG], slope[MG];
      if ((wrong = describe(m, i, n, type, edges, pos, w, s, value))) break;
      energy[b] += network(m->of + type[i], value, slope);
      pull(m->of + type[i], w, s, slope);
      for (int k = 0; k < w->count; k++) {
        double f[3] = {w->fx[k], w->fy[k], w->fz[k]}, d[3] = {w->x[k], w->y[k], w->z[k]};
        for (int a = 0; a < 3; a++) {
          force[3 * w->index[k] + a] += f[a]; force[3 * i + a] -= f[a];
          for (int c = 0; c < 3; c++) virial[3 * a + c] += d[a] * f[c];
        }
      }
    }
  free(w); free(s);
  return wrong;
}

/* Of one configuration: the functions of each atom, (n, most), and their negative derivatives by all positions, (n, most, n, 3). */
int nnp_functions(const Model *m, int n, int most, const int *type, const double *edge, const double *pos, double *values, float *pulls) {
  Near *w = malloc(sizeof(Near)); Triplets *s = malloc(sizeof(Triplets));
  int wrong = 0;
  memset(values, 0, sizeof(double) * n * most); memset(pulls, 0, sizeof(float) * 3 * n * n * most);
  for (int i = 0; i < n && !wrong; i++) {
    const Element *e = m->of + type[i];
    double value[MG];
    if ((wrong = describe(m, i, n, type, edge, pos, w, s, value))) break;
    for (int a = 0; a < e->radials + e->angulars; a++) {
      double unit[MG] = {0}; float *of = pulls + (size_t)(i * most + a) * 3 * n;
      values[i * most + a] = value[a]; unit[a] = 1;
      pull(e, w, s, unit);
      for (int k = 0; k < w->count; k++) {
        double f[3] = {w->fx[k], w->fy[k], w->fz[k]};
        for (int c = 0; c < 3; c++) { of[3 * w->index[k] + c] += f[c]; of[3 * i + c] -= f[c]; }
      }
    }
  }
  free(w); free(s);
  return wrong;
}
