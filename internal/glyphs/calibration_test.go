package glyphs

import (
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

// dense is a layer y = x W + b with its momentum, W stored by input.
type dense struct {
	in, out int
	w, b    []float32
	vw, vb  []float32
	gw, gb  []float32
}

// newDense draws weights as PyTorch's Linear does: uniform within 1/sqrt(in).
func newDense(in, out int, r *rand.Rand) *dense {
	l := &dense{in: in, out: out}
	for _, p := range []*[]float32{&l.w, &l.vw, &l.gw} {
		*p = make([]float32, in*out)
	}
	for _, p := range []*[]float32{&l.b, &l.vb, &l.gb} {
		*p = make([]float32, out)
	}
	bound := float32(1 / math.Sqrt(float64(in)))
	for _, p := range [][]float32{l.w, l.b} {
		for i := range p {
			p[i] = (2*r.Float32() - 1) * bound
		}
	}
	return l
}

func (l *dense) forward(x, y []float32) {
	copy(y, l.b)
	for k, v := range x {
		w := l.w[k*l.out : (k+1)*l.out]
		for j := range w {
			y[j] += v * w[j]
		}
	}
}

// backward adds to the gradients and, if dx is not nil, sets it.
func (l *dense) backward(x, dy, dx []float32) {
	for j, v := range dy {
		l.gb[j] += v
	}
	for k, v := range x {
		g, w := l.gw[k*l.out:(k+1)*l.out], l.w[k*l.out:(k+1)*l.out]
		var s float32
		for j, d := range dy {
			g[j] += v * d
			s += w[j] * d
		}
		if dx != nil {
			dx[k] = s
		}
	}
}

// step is SGD at 0.01 with momentum 0.9 on the mean gradient of n samples.
func (l *dense) step(n int) {
	for _, p := range [][3][]float32{{l.w, l.vw, l.gw}, {l.b, l.vb, l.gb}} {
		for i := range p[0] {
			p[1][i] = 0.9*p[1][i] + p[2][i]/float32(n)
			p[0][i] -= 0.01 * p[1][i]
			p[2][i] = 0
		}
	}
}

// network is one or two layers, with ReLU between, softmax and cross-entropy.
type network struct {
	layers []*dense
	acts   [][]float32
	grads  [][]float32
}

func newNetwork(r *rand.Rand, sizes ...int) *network {
	n := &network{}
	for i, size := range sizes {
		n.acts, n.grads = append(n.acts, make([]float32, size)), append(n.grads, make([]float32, size))
		if i > 0 {
			n.layers = append(n.layers, newDense(sizes[i-1], size, r))
		}
	}
	return n
}

func (n *network) forward(pixels []uint8) []float32 {
	for i, v := range pixels {
		n.acts[0][i] = float32(v) / 255
	}
	for i, l := range n.layers {
		y := n.acts[i+1]
		l.forward(n.acts[i], y)
		for j := range y {
			if i+1 < len(n.layers) && y[j] < 0 {
				y[j] = 0
			}
		}
	}
	return n.acts[len(n.layers)]
}

func (n *network) backward(label int) {
	last := len(n.layers)
	var sum float64
	for _, v := range n.acts[last] {
		sum += math.Exp(float64(v))
	}
	for j, v := range n.acts[last] {
		n.grads[last][j] = float32(math.Exp(float64(v)) / sum)
	}
	n.grads[last][label]--
	for i := last; i > 0; i-- {
		var dx []float32
		if i > 1 {
			dx = n.grads[i-1]
		}
		n.layers[i-1].backward(n.acts[i-1], n.grads[i], dx)
		for j := range dx {
			if n.acts[i-1][j] <= 0 {
				dx[j] = 0
			}
		}
	}
}

// TestCalibration trains a linear model and the classifier of two layers in the
// classic way, ten epochs in batches of 64. It takes half a minute, so it runs
// only with MLC_CALIBRATE=1.
func TestCalibration(t *testing.T) {
	if os.Getenv("MLC_CALIBRATE") == "" {
		t.Skip("MLC_CALIBRATE is not set")
	}
	const image, batch = Size * Size, 64
	train, trainLabels := half("train", TrainImages)
	tests, testLabels := half("t10k", TestImages)
	for _, c := range []struct {
		name      string
		sizes     []int
		low, high float64
	}{{"linear", []int{image, 10}, 0.80, 0.92}, {"classifier", []int{image, 128, 10}, 0.97, 1}} {
		r := rand.New(rand.NewPCG(1, 1))
		n := newNetwork(r, c.sizes...)
		for range 10 {
			order := r.Perm(TrainImages)
			for len(order) > 0 {
				samples := order[:min(batch, len(order))]
				order = order[len(samples):]
				for _, k := range samples {
					n.forward(train[k*image : (k+1)*image])
					n.backward(int(trainLabels[k]))
				}
				for _, l := range n.layers {
					l.step(len(samples))
				}
			}
		}
		right := 0
		for k, label := range testLabels {
			best, out := 0, n.forward(tests[k*image:(k+1)*image])
			for j, v := range out {
				if v > out[best] {
					best = j
				}
			}
			if best == int(label) {
				right++
			}
		}
		accuracy := float64(right) / TestImages
		t.Logf("%s: %.4f", c.name, accuracy)
		if accuracy < c.low || accuracy > c.high {
			t.Errorf("%s: test accuracy %.4f, want %.2f to %.2f", c.name, accuracy, c.low, c.high)
		}
	}
}
