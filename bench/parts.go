package main

import (
	"fmt"
	"path/filepath"
)

var batches = []int{32, 64, 128, 512}

func training(c config, t *table, n int) error {
	torch, err := t.rival(c.torch(n))
	if err != nil {
		return err
	}
	defer torch.close()
	for _, opt := range []string{"sgd", "adam"} {
		for _, batch := range batches {
			r := row{what: fmt.Sprintf("%s, B=%d", opt, batch), threads: n}
			if err := t.compare(c, r, c.mlcTrain(opt, batch, n), c.request("train", opt, batch), torch); err != nil {
				return err
			}
		}
	}
	return nil
}

func inference(c config, t *table, n int) error {
	ort, err := t.rival(c.onnxRuntime(n))
	if err != nil {
		return err
	}
	defer ort.close()
	torch, err := t.rival(c.torch(n))
	if err != nil {
		return err
	}
	defer torch.close()
	for _, batch := range []int{1, 32} {
		mlc := c.bench("specs/mlp/net.ml", "--mode", "infer", "--batch", fmt.Sprint(batch), "--threads", fmt.Sprint(n))
		r := row{what: fmt.Sprintf("B=%d", batch), threads: n}
		if err := t.compare(c, r, mlc, c.request("infer", batch), ort, torch); err != nil {
			return err
		}
	}
	return nil
}

// products compares matrix products; mlc's come from a model of one linear layer
// without bias, so its weights lie as the kernels want them.
func products(c config, t *table, n int) error {
	openBLAS, err := t.rival(c.blas("OpenBLAS", n))
	if err != nil {
		return err
	}
	defer openBLAS.close()
	oneDNN, err := t.rival(c.blas("oneDNN", n))
	if err != nil {
		return err
	}
	defer oneDNN.close()
	for _, s := range [][3]int{{64, 784, 128}, {256, 768, 3072}} {
		mlc, err := c.mlcProduct(s[0], s[1], s[2], n)
		if err != nil {
			return err
		}
		r := row{what: fmt.Sprintf("%dx%dx%d", s[0], s[1], s[2]), threads: n}
		if err := t.compare(c, r, mlc, c.request("gemm", s[0], s[1], s[2]), openBLAS, oneDNN); err != nil {
			return err
		}
	}
	return nil
}

// elementwise measures whole calls of a model that is one function, and for Adam
// the kernel that updates.
func elementwise(c config, t *table, n int) error {
	torch, err := t.rival(c.torch(n))
	if err != nil {
		return err
	}
	defer torch.close()
	const elements = 100_000
	for _, f := range []struct {
		name, model, mode, kernel, request string
		batch, elements                    int
	}{
		{"exp", "Exp", "infer", "", "exp", elements, elements},
		{"tanh", "Tanh", "infer", "", "tanh", elements, elements},
		{"GELU (tanh)", "Gelu", "infer", "", "gelu_tanh", elements, elements},
		{"softmax, rows of 128", "Softmax", "infer", "", "softmax128", elements / 128, elements / 128 * 128},
		{"Adam update", "Update", "train", "weightUpdate", "adam", 1, elements},
	} {
		mlc := c.benchKernel(f.kernel, "bench/models/elementwise.ml", "--model", f.model, "--mode", f.mode, "--batch", fmt.Sprint(f.batch), "--threads", fmt.Sprint(n))
		r := row{what: f.name, threads: n, scale: 1e3 / float64(f.elements)}
		if err := t.compare(c, r, mlc, c.request("elem", f.request, elements), torch); err != nil {
			return err
		}
	}
	return nil
}

func otherModels(c config, t *table, n int) error {
	torch, err := t.rival(c.torch(n))
	if err != nil {
		return err
	}
	defer torch.close()
	long := c
	long.slice = max(c.slice, 0.5)
	for _, m := range []struct {
		name, file string
		batch      int
	}{
		{"LeNet-5, SGD", "lenet", 64}, {"ResNet-20, SGD", "resnet20", 32}, {"GPT of 4 layers, 128 wide, 64 tokens, AdamW", "gpt", 12},
		{"LSTM 128, 64 steps, Adam", "lstm", 32},
	} {
		mlc := long.bench(filepath.Join("bench", "models", m.file+".ml"), "--batch", fmt.Sprint(m.batch), "--threads", fmt.Sprint(n))
		r := row{what: fmt.Sprintf("%s, B=%d", m.name, m.batch), threads: n, scale: 1e-3}
		if err := t.compare(long, r, mlc, long.request("model", m.file, m.batch), torch); err != nil {
			return err
		}
	}
	return nil
}

// goPeers compares with the other Go libraries. GoMLX's SGD has no momentum.
func goPeers(c config, t *table, n int) error {
	gorgonia, err := t.rival(c.goPeer("gorgonia", n, "ASSUME_NO_MOVING_GC_UNSAFE_RISK_IT_WITH=go1.26"))
	if err != nil {
		return err
	}
	defer gorgonia.close()
	gomlx, err := t.rival(c.goPeer("gomlx", n))
	if err != nil {
		return err
	}
	defer gomlx.close()
	for _, batch := range []int{64, 512} {
		r := row{what: fmt.Sprintf("sgd, B=%d", batch), threads: n}
		if err := t.compare(c, r, c.mlcTrain("sgd", batch, n), c.request("train", "sgd", batch), gorgonia, gomlx); err != nil {
			return err
		}
	}
	return nil
}

// beside compares two threads next to a busy process with one quiet thread: the
// ratio of a row is busy over quiet, and its range holds the worst slice.
func beside(c config, t *table, n int) error {
	torch, err := t.rival(c.torch(n))
	if err != nil {
		return err
	}
	defer torch.close()
	quiet, err := t.rival(c.torch(1))
	if err != nil {
		return err
	}
	defer quiet.close()
	request := c.request("train", "sgd", 64)
	if err := t.besides(c, "mlc", n, c.mlcTrain("sgd", 64, 1), c.mlcTrain("sgd", 64, n)); err != nil {
		return err
	}
	for _, p := range torch {
		if err := t.besides(c, p.Name+" "+p.mode, n, quiet[0].measure(request), p.measure(request)); err != nil {
			return err
		}
	}
	return nil
}

func memory(c config, t *table, n int) error {
	for _, m := range []struct {
		name, file, request string
		batch               int
	}{
		{"784-128-10 classifier, SGD", "specs/mlp/net.ml", "train sgd", 64}, {"ResNet-20, SGD", "bench/models/resnet20.ml", "model resnet20", 32},
		{"GPT of 4 layers, AdamW", "bench/models/gpt.ml", "model gpt", 12},
	} {
		torch, err := t.rival(c.torch(n)) // a process of its own for each
		if err != nil {
			return err
		}
		r := row{what: fmt.Sprintf("%s, B=%d", m.name, m.batch), threads: n, scale: 1.0 / (1 << 20)}
		once := c
		once.rounds = 1
		mlc := resident(c.bench(m.file, "--batch", fmt.Sprint(m.batch), "--threads", fmt.Sprint(n)))
		err = t.compareWith(once, r, mlc, torch, func(p *peer) measurement { return resident(p.measure(c.request(m.request, m.batch))) })
		torch.close()
		if err != nil {
			return err
		}
	}
	return nil
}
