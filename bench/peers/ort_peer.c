// ONNX Runtime as a peer of the benchmark, through its C table: one JSON line
// for each line "infer BATCH SECONDS" on standard input. The shared library is
// the one inside the npm package onnxruntime-node. The API table only grows, so
// the positions used here are stable (onnxruntime_c_api.h, struct OrtApi).
//
//	ort_peer LIBRARY FOLDER_WITH_MLP_FILES THREADS
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct {
	const void *(*get_api)(uint32_t version);
	const char *(*get_version)(void);
} api_base;

static void *const *api;

enum { // positions in OrtApi
	GET_ERROR_MESSAGE = 2, CREATE_ENV = 3, CREATE_SESSION = 7, RUN = 9, CREATE_SESSION_OPTIONS = 10,
	SET_OPTIMIZATION_LEVEL = 23, SET_INTRA_THREADS = 24, SET_INTER_THREADS = 25,
	CREATE_TENSOR = 49, CREATE_CPU_MEMORY_INFO = 69
};

#define CALL(i, types, args) check(((void *(*)types)api[i])args)

static void check(void *status) {
	if (status) {
		fprintf(stderr, "ONNX Runtime: %s\n", ((const char *(*)(void *))api[GET_ERROR_MESSAGE])(status));
		exit(1);
	}
}

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

typedef struct {
	int batch;
	void *session, *input, *output;
} model;

static void *env, *memory;

static void load(model *m, const char *folder, int threads, int batch) {
	char path[4096];
	snprintf(path, sizeof path, "%s/mlp_b%d.onnx", folder, batch);
	void *options;
	CALL(CREATE_SESSION_OPTIONS, (void **), (&options));
	CALL(SET_INTRA_THREADS, (void *, int), (options, threads));
	CALL(SET_INTER_THREADS, (void *, int), (options, 1));
	CALL(SET_OPTIMIZATION_LEVEL, (void *, int), (options, 99));
	CALL(CREATE_SESSION, (void *, const char *, void *, void **), (env, path, options, &m->session));
	int64_t shape[2] = {batch, 784};
	size_t n = (size_t)batch * 784;
	float *x = aligned_alloc(64, n * 4 + 63 & ~(size_t)63);
	for (size_t i = 0; i < n; i++)
		x[i] = rand() / (float)RAND_MAX - .5f;
	CALL(CREATE_TENSOR, (void *, void *, size_t, const int64_t *, size_t, int, void **),
	     (memory, x, n * 4, shape, 2, 1, &m->input));
	m->batch = batch;
	m->output = 0;
}

static void run(model *m) {
	static const char *in[] = {"x"}, *out[] = {"y"};
	CALL(RUN, (void *, void *, const char *const *, void **, size_t, const char *const *, size_t, void **),
	     (m->session, 0, in, &m->input, 1, out, 1, &m->output));
}

int main(int argc, char **argv) {
	if (argc != 4) {
		fprintf(stderr, "usage: ort_peer LIBRARY FOLDER THREADS\n");
		return 2;
	}
	void *lib = dlopen(argv[1], RTLD_NOW);
	if (!lib) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	const api_base *base = ((const api_base *(*)(void))dlsym(lib, "OrtGetApiBase"))();
	api = (void *const *)base->get_api(16);
	CALL(CREATE_ENV, (int, const char *, void **), (3, "bench", &env));
	CALL(CREATE_CPU_MEMORY_INFO, (int, int, void **), (1, 0, &memory));
	printf("{\"name\":\"ONNX Runtime\",\"version\":\"%s\",\"threads\":%s}\n", base->get_version(), argv[3]);
	fflush(stdout);
	static model models[16];
	static double times[1 << 20];
	int batch, have = 0;
	double seconds;
	while (scanf(" infer %d %lf", &batch, &seconds) == 2) {
		model *m = models;
		while (m < models + have && m->batch != batch)
			m++;
		if (m == models + have) {
			if (have == 16)
				return 1;
			have++;
			load(m, argv[2], atoi(argv[3]), batch);
			for (int i = 0; i < 20; i++)
				run(m);
		}
		int n = 0;
		for (double end = now() + seconds, t; n < 1 << 20 && ((t = now()) < end || !n); n++) {
			run(m);
			times[n] = (now() - t) * 1e6;
		}
		qsort(times, n, sizeof *times, by_value);
		printf("{\"us_median\":%.2f,\"us_min\":%.2f,\"calls\":%d}\n", times[n / 2], times[0], n);
		fflush(stdout);
	}
	return 0;
}
