/* NEP potentials of the fourth version (Fan et al., J. Chem. Phys. 157, 114801 (2022)) of small upright cells, fast:
   energy, forces and virial of many configurations. Radial and angular basis functions are summed over the neighbours
   of each element first and contracted with the coefficients afterwards, so a pair costs no loop over descriptors.
   Angular momenta up to 4, the term of four bodies of l = 2, that of five of l = 1, and the universal repulsion of Ziegler,
   Biersack and Littmark at short distances. Every edge of the cell has to exceed the cutoff. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#define MT 4   /* elements */
#define MK 20  /* radial functions */
#define MN 16  /* descriptors of a kind */
#define LM 24  /* spherical harmonics of l = 1..4 */
#define MD 128 /* descriptors */
#define MH 128 /* neurons */

typedef struct {
  int types, nr, na, kr, ka, lmax, four, five, dim, hidden;
  double rcr, rca;
  double inner, outer, number[MT]; /* where the repulsion begins to fall and where it ends, atomic numbers */
  double *w0, *b0, *w1; /* of every element */
  double bias;
  double cr[MT][MT][MN][MK], ca[MT][MT][MN][MK], scale[MD];
} Model;

static const int FIRST[6] = {0, 0, 3, 8, 15, 24};

Model *nep_new(const int *head, const double *cut, const double *p) {
  Model *m = calloc(1, sizeof(Model));
  m->types = head[0]; m->nr = head[1]; m->na = head[2]; m->kr = head[3]; m->ka = head[4];
  m->lmax = head[5]; m->four = head[6]; m->five = head[7]; m->hidden = head[8];
  m->rcr = cut[0]; m->rca = cut[1]; m->inner = cut[2]; m->outer = cut[3];
  m->dim = m->nr + m->na * (m->lmax + m->four + m->five);
  for (int t = 0; t < m->types && t < MT; t++) m->number[t] = head[9 + t];
  if (m->types > MT || m->outer > m->rcr || m->nr > MN || m->na > MN || m->kr > MK || m->ka > MK || m->dim > MD || m->hidden > MH || m->lmax > 4)
    return 0;
  int per = m->hidden * (m->dim + 2);
  double *all = malloc(sizeof(double) * per * m->types);
  memcpy(all, p, sizeof(double) * per * m->types);
  m->w0 = all; m->b0 = all + m->hidden * m->dim; m->w1 = m->b0 + m->hidden;
  p += per * m->types;
  m->bias = *p++;
  int t2 = m->types * m->types;
  for (int n = 0; n < m->nr; n++) for (int k = 0; k < m->kr; k++) for (int t = 0; t < t2; t++)
    m->cr[t / m->types][t % m->types][n][k] = *p++;
  for (int n = 0; n < m->na; n++) for (int k = 0; k < m->ka; k++) for (int t = 0; t < t2; t++)
    m->ca[t / m->types][t % m->types][n][k] = *p++;
  for (int d = 0; d < m->dim; d++) m->scale[d] = *p++;
  return m;
}

static inline void radial(double r, double rc, int count, double *f, double *g) {
  double x = r / rc, fc = 0.5 * (1 + cos(M_PI * x)), fcp = -0.5 * M_PI / rc * sin(M_PI * x);
  double y = 2 * (x - 1) * (x - 1) - 1, yp = 4 * (x - 1) / rc;
  double t0 = 1, t1 = y, u0 = 1, u1 = 2 * y; /* Chebyshev of both kinds */
  f[0] = fc; g[0] = fcp;
  f[1] = 0.5 * (y + 1) * fc; g[1] = 0.5 * yp * fc + 0.5 * (y + 1) * fcp;
  for (int k = 2; k < count; k++) {
    double t = 2 * y * t1 - t0;
    f[k] = 0.5 * (t + 1) * fc;
    g[k] = 0.5 * k * u1 * yp * fc + 0.5 * (t + 1) * fcp;
    double u = 2 * y * u1 - u0;
    t0 = t1; t1 = t; u0 = u1; u1 = u;
  }
}

/* The repulsion of two nuclei and its derivative: K Z Z'/r · Σ c exp(-d r/a), a = 0.4685 Å / (Z^0.23 + Z'^0.23). */
static inline double repulsion(const Model *m, int a, int b, double r, double *slope) {
  static const double c[4] = {0.18175, 0.50986, 0.28022, 0.02817}, d[4] = {3.1998, 0.94229, 0.4029, 0.20162};
  double inverse = (pow(m->number[a], 0.23) + pow(m->number[b], 0.23)) * 2.134563, k = 14.399645 * m->number[a] * m->number[b];
  double phi = 0, fall = 0;
  for (int i = 0; i < 4; i++) { double e = c[i] * exp(-d[i] * r * inverse); phi += e; fall -= d[i] * inverse * e; }
  double v = k * phi / r, vp = k * (fall - phi / r) / r, w = M_PI / (m->outer - m->inner), x = w * (r - m->inner);
  double fc = r < m->inner ? 1 : 0.5 * (1 + cos(x)), fcp = r < m->inner ? 0 : -0.5 * w * sin(x);
  *slope = vp * fc + v * fcp;
  return v * fc;
}

#define P5 0.026596810706114
#define P1 0.4886025119029199
#define P20 0.31539156525252005
#define P21 1.0925484305920792
#define P22 0.5462742152960396
#define P30 0.3731763325901154
#define P31 0.4570457994644658
#define P32 1.445305721320277
#define P32B 2.890611442640554
#define P33 0.5900435899266435
#define P40 0.10578554691520431
#define P41 0.6690465435572892
#define P42 0.47308734787878004
#define P42B 0.9461746957575601
#define P43 1.7701307697799304
#define P44 0.6258357354491761
#define P44B 2.5033429417967046

static inline void harmonics(double x, double y, double z, double *b) {
  double xx = x * x, yy = y * y, zz = z * z, d = xx - yy;
  b[0] = P1 * z; b[1] = P1 * x; b[2] = P1 * y;
  b[3] = P20 * (3 * zz - 1); b[4] = P21 * x * z; b[5] = P21 * y * z; b[6] = P22 * d; b[7] = P21 * x * y;
  b[8] = P30 * z * (5 * zz - 3); b[9] = P31 * x * (5 * zz - 1); b[10] = P31 * y * (5 * zz - 1);
  b[11] = P32 * z * d; b[12] = P32B * x * y * z; b[13] = P33 * x * (xx - 3 * yy); b[14] = P33 * y * (3 * xx - yy);
  b[15] = P40 * (35 * zz * zz - 30 * zz + 3); b[16] = P41 * x * z * (7 * zz - 3); b[17] = P41 * y * z * (7 * zz - 3);
  b[18] = P42 * d * (7 * zz - 1); b[19] = P42B * x * y * (7 * zz - 1); b[20] = P43 * x * z * (xx - 3 * yy);
  b[21] = P43 * y * z * (3 * xx - yy); b[22] = P44 * (xx * (xx - 3 * yy) - yy * (3 * xx - yy)); b[23] = P44B * x * y * d;
}

/* sum of u times the gradient of the polynomials above */
static inline void gradient(double x, double y, double z, const double *u, double *g) {
  double xx = x * x, yy = y * y, zz = z * z, d = xx - yy;
  double gx = P1 * u[1], gy = P1 * u[2], gz = P1 * u[0];
  gz += P20 * 6 * z * u[3];
  gx += P21 * z * u[4]; gz += P21 * x * u[4];
  gy += P21 * z * u[5]; gz += P21 * y * u[5];
  gx += P22 * 2 * x * u[6]; gy -= P22 * 2 * y * u[6];
  gx += P21 * y * u[7]; gy += P21 * x * u[7];
  gz += P30 * (15 * zz - 3) * u[8];
  gx += P31 * (5 * zz - 1) * u[9]; gz += P31 * 10 * x * z * u[9];
  gy += P31 * (5 * zz - 1) * u[10]; gz += P31 * 10 * y * z * u[10];
  gx += P32 * 2 * x * z * u[11]; gy -= P32 * 2 * y * z * u[11]; gz += P32 * d * u[11];
  gx += P32B * y * z * u[12]; gy += P32B * x * z * u[12]; gz += P32B * x * y * u[12];
  gx += P33 * 3 * d * u[13]; gy -= P33 * 6 * x * y * u[13];
  gx += P33 * 6 * x * y * u[14]; gy += P33 * 3 * d * u[14];
  gz += P40 * (140 * zz * z - 60 * z) * u[15];
  gx += P41 * z * (7 * zz - 3) * u[16]; gz += P41 * x * (21 * zz - 3) * u[16];
  gy += P41 * z * (7 * zz - 3) * u[17]; gz += P41 * y * (21 * zz - 3) * u[17];
  gx += P42 * 2 * x * (7 * zz - 1) * u[18]; gy -= P42 * 2 * y * (7 * zz - 1) * u[18]; gz += P42 * 14 * z * d * u[18];
  gx += P42B * y * (7 * zz - 1) * u[19]; gy += P42B * x * (7 * zz - 1) * u[19]; gz += P42B * 14 * x * y * z * u[19];
  gx += P43 * 3 * z * d * u[20]; gy -= P43 * 6 * x * y * z * u[20]; gz += P43 * x * (xx - 3 * yy) * u[20];
  gx += P43 * 6 * x * y * z * u[21]; gy += P43 * 3 * z * d * u[21]; gz += P43 * y * (3 * xx - yy) * u[21];
  gx += P44 * (4 * xx * x - 12 * x * yy) * u[22]; gy += P44 * (4 * yy * y - 12 * xx * y) * u[22];
  gx += P44B * y * (3 * xx - yy) * u[23]; gy += P44B * x * (xx - 3 * yy) * u[23];
  g[0] = gx; g[1] = gy; g[2] = gz;
}

typedef struct { int i, j; double x, y, z, r; double f[MK], g[MK]; } Pair;
typedef struct { int i, j; double x, y, z, r; double f[MK], g[MK], b[LM]; } Angular;

static void one(const Model *m, int n, const int *type, const double *edge, const double *pos, double *energy, double *force, double *virial) {
  static Pair *pairs = 0; static Angular *near = 0; static int room = 0;
  const double rc2 = m->rcr * m->rcr;
  const int nt = m->types;
  /* every pair may be near by eight images; memory that is not written costs nothing */
  if (room < 4 * n * n) { room = 4 * n * n; pairs = realloc(pairs, room * sizeof(Pair)); near = realloc(near, room * sizeof(Angular)); }
  static double *A = 0, *S = 0; static int held = 0;
  if (held < n) { held = n; A = realloc(A, sizeof(double) * n * MT * MK); S = realloc(S, sizeof(double) * n * MT * MK * LM); }
  memset(A, 0, sizeof(double) * n * MT * MK); memset(S, 0, sizeof(double) * n * MT * MK * LM);
  int np = 0, na = 0;
  for (int i = 0; i < n; i++) for (int j = i + 1; j < n; j++) {
    double d[3][2];
    for (int c = 0; c < 3; c++) {
      double w = pos[3 * j + c] - pos[3 * i + c];
      w -= edge[c] * rint(w / edge[c]);
      d[c][0] = w; d[c][1] = w > 0 ? w - edge[c] : w + edge[c];
    }
    for (int s = 0; s < 8; s++) {
      double x = d[0][s & 1], y = d[1][(s >> 1) & 1], z = d[2][s >> 2], r2 = x * x + y * y + z * z;
      if (r2 >= rc2) continue;
      Pair *p = pairs + np++;
      p->i = i; p->j = j; p->r = sqrt(r2); p->x = x / p->r; p->y = y / p->r; p->z = z / p->r;
      radial(p->r, m->rcr, m->kr, p->f, p->g);
      double *ai = A + (i * MT + type[j]) * MK, *aj = A + (j * MT + type[i]) * MK;
      for (int k = 0; k < m->kr; k++) { ai[k] += p->f[k]; aj[k] += p->f[k]; }
      if (p->r >= m->rca) continue;
      Angular *q = near + na++;
      q->i = i; q->j = j; q->r = p->r; q->x = p->x; q->y = p->y; q->z = p->z;
      radial(q->r, m->rca, m->ka, q->f, q->g);
      harmonics(q->x, q->y, q->z, q->b);
      double o[LM];
      for (int l = 0; l < LM; l++) o[l] = l < 3 || (l >= 8 && l < 15) ? -q->b[l] : q->b[l];
      double *si = S + (size_t)(i * MT + type[j]) * MK * LM, *sj = S + (size_t)(j * MT + type[i]) * MK * LM;
      for (int k = 0; k < m->ka; k++) {
        double f = q->f[k];
        for (int l = 0; l < LM; l++) si[k * LM + l] += f * q->b[l];
        for (int l = 0; l < LM; l++) sj[k * LM + l] += f * o[l];
      }
    }
  }
  double total = 0;
  for (int i = 0; i < n; i++) { /* descriptors, network, and derivatives by the sums, which take the place of these */
    int ti = type[i];
    double q[MD], s[MN][LM], ds[MN][LM], fp[MD];
    for (int a = 0; a < m->nr; a++) {
      double v = 0;
      for (int t = 0; t < nt; t++) for (int k = 0; k < m->kr; k++) v += m->cr[ti][t][a][k] * A[(i * MT + t) * MK + k];
      q[a] = v;
    }
    for (int a = 0; a < m->na; a++) {
      for (int l = 0; l < LM; l++) s[a][l] = 0;
      for (int t = 0; t < nt; t++) for (int k = 0; k < m->ka; k++) {
        double c = m->ca[ti][t][a][k]; const double *v = S + ((size_t)(i * MT + t) * MK + k) * LM;
        for (int l = 0; l < LM; l++) s[a][l] += c * v[l];
      }
      for (int l = 1; l <= m->lmax; l++) {
        double v = 0;
        for (int h = FIRST[l]; h < FIRST[l + 1]; h++) v += s[a][h] * s[a][h];
        q[m->nr + (l - 1) * m->na + a] = v;
      }
      if (m->four) {
        double z = s[a][3] / P20, xz = s[a][4] / P21, yz = s[a][5] / P21, d = s[a][6] / P22, xy = 2 * s[a][7] / P21;
        q[m->nr + m->lmax * m->na + a] = -0.007499480826664 * z * z * z - 0.134990654879954 * z * (xz * xz + yz * yz)
          + 0.067495327439977 * z * (d * d + xy * xy) + 0.404971964639861 * d * (yz * yz - xz * xz) - 0.809943929279723 * xz * yz * xy;
      }
      if (m->five) {
        double v = (s[a][0] * s[a][0] + s[a][1] * s[a][1] + s[a][2] * s[a][2]) / (P1 * P1);
        q[m->nr + (m->lmax + m->four) * m->na + a] = P5 * v * v;
      }
    }
    for (int d = 0; d < m->dim; d++) { q[d] *= m->scale[d]; fp[d] = 0; }
    const double *w0 = m->w0 + (size_t)ti * m->hidden * (m->dim + 2), *b0 = w0 + m->hidden * m->dim, *w1 = b0 + m->hidden;
    double e = -m->bias;
    for (int h = 0; h < m->hidden; h++) {
      double v = -b0[h]; const double *w = w0 + h * m->dim;
      for (int d = 0; d < m->dim; d++) v += w[d] * q[d];
      double y = tanh(v), c = w1[h] * (1 - y * y);
      e += w1[h] * y;
      for (int d = 0; d < m->dim; d++) fp[d] += c * w[d];
    }
    total += e;
    for (int d = 0; d < m->dim; d++) fp[d] *= m->scale[d];
    for (int a = 0; a < m->na; a++) {
      for (int l = 0; l < LM; l++) ds[a][l] = 0;
      for (int l = 1; l <= m->lmax; l++) for (int h = FIRST[l]; h < FIRST[l + 1]; h++)
        ds[a][h] = 2 * fp[m->nr + (l - 1) * m->na + a] * s[a][h];
      if (m->four) {
        double z = s[a][3] / P20, xz = s[a][4] / P21, yz = s[a][5] / P21, d = s[a][6] / P22, xy = 2 * s[a][7] / P21;
        double f = fp[m->nr + m->lmax * m->na + a];
        ds[a][3] += f / P20 * (-3 * 0.007499480826664 * z * z - 0.134990654879954 * (xz * xz + yz * yz) + 0.067495327439977 * (d * d + xy * xy));
        ds[a][4] += f / P21 * (-2 * 0.134990654879954 * z * xz - 2 * 0.404971964639861 * d * xz - 0.809943929279723 * yz * xy);
        ds[a][5] += f / P21 * (-2 * 0.134990654879954 * z * yz + 2 * 0.404971964639861 * d * yz - 0.809943929279723 * xz * xy);
        ds[a][6] += f / P22 * (2 * 0.067495327439977 * z * d + 0.404971964639861 * (yz * yz - xz * xz));
        ds[a][7] += 2 * f / P21 * (2 * 0.067495327439977 * z * xy - 0.809943929279723 * xz * yz);
      }
      if (m->five) {
        double v = (s[a][0] * s[a][0] + s[a][1] * s[a][1] + s[a][2] * s[a][2]) / (P1 * P1);
        double f = 4 * P5 * v / (P1 * P1) * fp[m->nr + (m->lmax + m->four) * m->na + a];
        for (int l = 0; l < 3; l++) ds[a][l] += f * s[a][l];
      }
    }
    for (int t = 0; t < nt; t++) {
      for (int k = 0; k < m->kr; k++) {
        double v = 0;
        for (int a = 0; a < m->nr; a++) v += fp[a] * m->cr[ti][t][a][k];
        A[(i * MT + t) * MK + k] = v;
      }
      for (int k = 0; k < m->ka; k++) {
        double *v = S + ((size_t)(i * MT + t) * MK + k) * LM;
        for (int l = 0; l < LM; l++) v[l] = 0;
        for (int a = 0; a < m->na; a++) { double c = m->ca[ti][t][a][k]; for (int l = 0; l < LM; l++) v[l] += c * ds[a][l]; }
      }
    }
  }
  memset(force, 0, sizeof(double) * 3 * n); memset(virial, 0, sizeof(double) * 9);
  for (int p = 0; p < np; p++) {
    const Pair *w = pairs + p;
    const double *ai = A + (w->i * MT + type[w->j]) * MK, *aj = A + (w->j * MT + type[w->i]) * MK;
    double v = 0, u[3];
    if (w->r < m->outer) total += repulsion(m, type[w->i], type[w->j], w->r, &v);
    for (int k = 0; k < m->kr; k++) v += (ai[k] + aj[k]) * w->g[k];
    u[0] = v * w->x; u[1] = v * w->y; u[2] = v * w->z;
    double r[3] = {w->x * w->r, w->y * w->r, w->z * w->r};
    for (int c = 0; c < 3; c++) { force[3 * w->i + c] += u[c]; force[3 * w->j + c] -= u[c]; for (int e = 0; e < 3; e++) virial[3 * c + e] -= r[c] * u[e]; }
  }
  for (int p = 0; p < na; p++) {
    const Angular *w = near + p;
    const double *si = S + (size_t)(w->i * MT + type[w->j]) * MK * LM, *sj = S + (size_t)(w->j * MT + type[w->i]) * MK * LM;
    double up[LM], um[LM], vp[LM], vm[LM], g[3];
    for (int l = 0; l < LM; l++) up[l] = um[l] = vp[l] = vm[l] = 0;
    for (int k = 0; k < m->ka; k++) {
      double f = w->f[k], h = w->g[k];
      for (int l = 0; l < LM; l++) { up[l] += f * si[k * LM + l]; um[l] += f * sj[k * LM + l]; vp[l] += h * si[k * LM + l]; vm[l] += h * sj[k * LM + l]; }
    }
    double v = 0;
    for (int l = 0; l < LM; l++) {
      double sign = l < 3 || (l >= 8 && l < 15) ? -1 : 1;
      up[l] += sign * um[l]; v += (vp[l] + sign * vm[l]) * w->b[l];
    }
    gradient(w->x, w->y, w->z, up, g);
    double along = g[0] * w->x + g[1] * w->y + g[2] * w->z, u[3];
    u[0] = v * w->x + (g[0] - along * w->x) / w->r; u[1] = v * w->y + (g[1] - along * w->y) / w->r; u[2] = v * w->z + (g[2] - along * w->z) / w->r;
    double r[3] = {w->x * w->r, w->y * w->r, w->z * w->r};
    for (int c = 0; c < 3; c++) { force[3 * w->i + c] += u[c]; force[3 * w->j + c] -= u[c]; for (int e = 0; e < 3; e++) virial[3 * c + e] -= r[c] * u[e]; }
  }
  *energy = total;
}

void nep_many(const Model *m, int count, int n, const int *type, const double *edges, const double *pos, double *energy, double *force, double *virial) {
  for (int b = 0; b < count; b++) one(m, n, type, edges + 3 * b, pos + 3 * n * b, energy + b, force + 3 * n * b, virial + 9 * b);
}
