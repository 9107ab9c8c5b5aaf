// A BLAS library as a peer of the benchmark: one JSON line for each line
// "gemm M K N SECONDS" on standard input. Built with -DONEDNN it measures
// oneDNN's dnnl_sgemm, else OpenBLAS's cblas_sgemm; one library a process, since
// their thread pools get in each other's way. Row-major, random data.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#ifdef ONEDNN
#include <dnnl.h>
#else
#include <cblas.h>
#endif

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static float *matrix(size_t n) {
	float *p = aligned_alloc(64, n * 4 + 63 & ~(size_t)63);
	for (size_t i = 0; i < n; i++)
		p[i] = rand() / (float)RAND_MAX - .5f;
	return p;
}

int main(void) {
#ifdef ONEDNN
	const dnnl_version_t *v = dnnl_version();
	printf("{\"name\":\"oneDNN\",\"version\":\"%d.%d.%d\"}\n", v->major, v->minor, v->patch);
#else
	printf("{\"name\":\"OpenBLAS\",\"version\":\"%s, %s kernels\"}\n", openblas_get_config(), openblas_get_corename());
#endif
	fflush(stdout);
	static double times[1 << 20];
	int m, k, n;
	double seconds;
	while (scanf(" gemm %d %d %d %lf", &m, &k, &n, &seconds) == 4) {
		float *a = matrix((size_t)m * k), *b = matrix((size_t)k * n), *c = matrix((size_t)m * n);
		int calls = 0;
		for (double end = now() + seconds, t; calls < 1 << 20 && ((t = now()) < end || calls < 5); calls++) {
#ifdef ONEDNN
			dnnl_sgemm('N', 'N', m, n, k, 1, a, k, b, n, 0, c, n);
#else
			cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, a, k, b, n, 0, c, n);
#endif
			times[calls] = (now() - t) * 1e6;
		}
		qsort(times, calls, sizeof *times, by_value);
		printf("{\"us_median\":%.2f,\"us_min\":%.2f,\"calls\":%d}\n", times[calls / 2], times[0], calls);
		fflush(stdout);
		free(a);
		free(b);
		free(c);
	}
	return 0;
}
