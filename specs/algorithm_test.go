package specs_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// The references of this file are the algorithms of two papers in float64,
// written with loops and derivatives by hand. They share nothing with the
// compiler or its evaluators.

// world is every stored tensor of a model by name.
type world map[string][]float64

// followed is an algorithm: a step of a train block, which returns the loss.
type followed interface {
	step(block int, inputs []tensor) float64
}

// follow compares each call of a job with the reference: the loss, what became of
// the tensors that the step changes, and that the others keep every bit.
func (s spec) follow(t *testing.T, j job, r result) {
	if r.Err != "" {
		t.Fatal(r.Err)
	}
	w := world{}
	for i, name := range r.Names {
		w[name] = slices.Clone(r.Before[i].Data)
	}
	var a followed
	if s.name == "gan" {
		a = &ganReference{w: w, steps: map[int]float64{}}
	} else {
		d := &dqnReference{w: w}
		defer func() {
			if d.clipped == 0 || d.clipped == len(j.Calls) {
				t.Errorf("%d of %d steps were clipped: the test needs both", d.clipped, len(j.Calls))
			}
		}()
		a = d
	}
	previous := r.Before
	for k, c := range j.Calls {
		old := world{}
		for name, v := range w {
			old[name] = slices.Clone(v)
		}
		loss := a.step(c.Block, c.Inputs)
		if d := math.Abs(r.Losses[k] - loss); !(d <= 1e-5*math.Max(1, math.Abs(loss))) {
			t.Errorf("call %d: loss %.8g, want %.8g", k+1, r.Losses[k], loss)
		}
		for i, name := range r.Names {
			have, last := r.Each[k][i].Data, previous[i].Data
			if slices.Equal(w[name], old[name]) {
				if !slices.Equal(have, last) {
					t.Errorf("call %d changed %s, which is not its business", k+1, name)
				}
				continue
			}
			// What counts is the way from the start; a float32 cannot tell a small one
			// from its own rounding.
			way, off := norm(minus(w[name], r.Before[i].Data)), norm(minus(have, w[name]))
			if limit := 5e-3*way + 1e-7*norm(w[name]); !(off <= limit && off < way/2) {
				t.Errorf("call %d: the change of %s since the start, %.3g, is off by %.3g", k+1, name, way, off)
			}
		}
		previous = r.Each[k]
	}
}

func minus(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] - b[i]
	}
	return out
}

func norm(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x * x
	}
	return math.Sqrt(sum)
}

// adam is one update of a parameter by Adam (Kingma and Ba 2015) with decoupled
// weight decay.
func (w world) adam(block, name string, grad []float64, step, rate, beta1, beta2, decay float64) {
	p, m, v := w[name], w["optimizer/"+block+"/"+name+"/exp_avg"], w["optimizer/"+block+"/"+name+"/exp_avg_sq"]
	for i, g := range grad {
		m[i] = beta1*m[i] + (1-beta1)*g
		v[i] = beta2*v[i] + (1-beta2)*g*g
		mean, square := m[i]/(1-math.Pow(beta1, step)), v[i]/(1-math.Pow(beta2, step))
		p[i] -= rate * (mean/(math.Sqrt(square)+1e-8) + decay*p[i])
	}
}

// dqnReference is deep Q-learning (Mnih et al. 2015) with a target network that
// follows slowly (Lillicrap et al. 2015).
type dqnReference struct {
	w       world
	count   float64
	clipped int // steps
}

// values runs a network on one state and keeps what the derivative needs.
func (d *dqnReference) values(net string, x []float64) (layers [][]float64) {
	layers = [][]float64{x}
	for l := 1; l <= 3; l++ {
		weight, bias := d.w[fmt.Sprintf("%s.fc%d.weight", net, l)], d.w[fmt.Sprintf("%s.fc%d.bias", net, l)]
		y := make([]float64, len(bias))
		for o := range y {
			y[o] = bias[o]
			for i, v := range x {
				y[o] += weight[o*len(x)+i] * v
			}
			if l < 3 {
				y[o] = math.Max(y[o], 0)
			}
		}
		layers = append(layers, y)
		x = y
	}
	return layers
}

// back adds the derivative of value number action times slope.
func (d *dqnReference) back(layers [][]float64, action int, slope float64, grads world) {
	delta := make([]float64, len(layers[3]))
	delta[action] = slope
	for l := 3; l >= 1; l-- {
		name, x := fmt.Sprintf("q.fc%d", l), layers[l-1]
		weight := d.w[name+".weight"]
		before := make([]float64, len(x))
		for o, g := range delta {
			grads[name+".bias"][o] += g
			for i, v := range x {
				grads[name+".weight"][o*len(x)+i] += g * v
				if v > 0 {
					before[i] += g * weight[o*len(x)+i]
				}
			}
		}
		delta = before
	}
}

func (d *dqnReference) step(_ int, in []tensor) float64 {
	const gamma, tau, limit = 0.99, 0.005, 100
	d.count++
	state, action, reward, next, done := in[0], in[1].Data, in[2].Data, in[3], in[4].Data
	batch, obs := state.Shape[0], state.Shape[1]
	grads := world{}
	for name, v := range d.w {
		if strings.HasPrefix(name, "q.") {
			grads[name] = make([]float64, len(v))
		}
	}
	loss := 0.0
	for b := range batch {
		best := slices.Max(d.values("q_target", next.Data[b*obs:(b+1)*obs])[3])
		target := reward[b] + gamma*(1-done[b])*best
		layers := d.values("q", state.Data[b*obs:(b+1)*obs])
		diff := layers[3][int(action[b])] - target
		if math.Abs(diff) < 1 {
			loss += 0.5 * diff * diff / float64(batch)
		} else {
			loss += (math.Abs(diff) - 0.5) / float64(batch)
		}
		d.back(layers, int(action[b]), math.Max(-1, math.Min(1, diff))/float64(batch), grads)
	}
	var all []float64
	for _, g := range grads {
		all = append(all, g...)
	}
	scale := limit / (norm(all) + 1e-6)
	if scale < 1 {
		d.clipped++
	}
	for name, g := range grads {
		for i := range g {
			g[i] *= math.Min(1, scale)
		}
		d.w.adam("train", name, g, d.count, 1e-4, 0.9, 0.999, 1e-2)
		target := d.w["q_target"+strings.TrimPrefix(name, "q")]
		for i, v := range d.w[name] { // the network as it is after its update
			target[i] += tau * (v - target[i])
		}
	}
	return loss
}

// noise is a tensor of normal numbers as float32 holds them.
func noise(r *rand.Rand, scale float64, shape ...int) tensor {
	x := tensor{Shape: shape}
	n := 1
	for _, d := range shape {
		n *= d
	}
	for range n {
		x.Data = append(x.Data, float64(float32(scale*r.NormFloat64())))
	}
	return x
}

// dqnRounds are five steps on different transitions, of which later ones have
// gradients that are clipped.
func dqnRounds() trained {
	r := rand.New(rand.NewPCG(21, 22))
	j := job{Package: "dqn", Seed: trainSeed, Rate: 1}
	for k := range 5 {
		const batch = 7
		scale := []float64{1, 3, 1000, 1, 2000}[k]
		action, done := tensor{Shape: []int{batch}}, tensor{Shape: []int{batch}}
		for range batch {
			action.Data, done.Data = append(action.Data, float64(r.IntN(2))), append(done.Data, float64(r.IntN(2)))
		}
		j.Calls = append(j.Calls, call{0, []tensor{noise(r, scale, batch, 4), action, noise(r, 2, batch), noise(r, scale, batch, 4), done}})
	}
	return trained{spec: named("dqn"), job: j}
}

// ganRounds are five rounds of a discriminator and a generator step, the last
// with two steps of each.
func ganRounds() trained {
	r := rand.New(rand.NewPCG(31, 32))
	j := job{Package: "gan", Seed: trainSeed, Rate: 1}
	const batch, latent = 4, 8
	for _, block := range []int{0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1} {
		in := []tensor{noise(r, 1, batch, latent)}
		if block == 0 {
			in = append([]tensor{noise(r, 0.5, batch, 1, 28, 28)}, in...)
		}
		j.Calls = append(j.Calls, call{block, in})
	}
	return trained{spec: named("gan"), job: j}
}

func named(name string) spec {
	return specs[slices.IndexFunc(specs, func(s spec) bool { return s.name == name })]
}

// ganReference is generative adversarial training (Goodfellow et al. 2014) of a
// DCGAN (Radford et al. 2015).
type ganReference struct {
	w     world
	steps map[int]float64 // by block
}

// window says how a convolution meets images: size is that of the larger one.
type window struct{ large, small, kernel, stride, pad int }

// taps visits the places of a large image, a small image and a kernel that a
// convolution combines. A transposed convolution combines the same. Weights are
// [channels of the small image, channels of the large one, kernel, kernel].
func (g window) taps(batch, largeChannels, smallChannels int, visit func(large, small, weight int)) {
	for n := range batch {
		for s := range smallChannels {
			for l := range largeChannels {
				for i := range g.small * g.small {
					for k := range g.kernel * g.kernel {
						y := i/g.small*g.stride - g.pad + k/g.kernel
						x := i%g.small*g.stride - g.pad + k%g.kernel
						if y >= 0 && y < g.large && x >= 0 && x < g.large {
							visit(((n*largeChannels+l)*g.large+y)*g.large+x, (n*smallChannels+s)*g.small*g.small+i,
								(s*largeChannels+l)*g.kernel*g.kernel+k)
						}
					}
				}
			}
		}
	}
}

// normed is what the derivative of batch norm needs.
type normed struct{ x, spread []float64 }

// batchNorm normalises by the batch and moves the running statistics.
func (g *ganReference) batchNorm(name string, x []float64, channels int) ([]float64, normed) {
	size := len(x) / ganBatch / channels
	y, keep := make([]float64, len(x)), normed{make([]float64, len(x)), make([]float64, channels)}
	at := func(c, i int) int { return (i/size*channels+c)*size + i%size }
	count := ganBatch * size
	for c := range channels {
		mean, square := 0.0, 0.0
		for i := range count {
			mean += x[at(c, i)] / float64(count)
		}
		for i := range count {
			d := x[at(c, i)] - mean
			square += d * d / float64(count)
		}
		keep.spread[c] = math.Sqrt(square + 1e-5)
		for i := range count {
			keep.x[at(c, i)] = (x[at(c, i)] - mean) / keep.spread[c]
			y[at(c, i)] = keep.x[at(c, i)]*g.w[name+".weight"][c] + g.w[name+".bias"][c]
		}
		running, variance := g.w[name+".running_mean"], g.w[name+".running_var"]
		running[c] = 0.9*running[c] + 0.1*mean
		variance[c] = 0.9*variance[c] + 0.1*square*float64(count)/float64(count-1)
	}
	return y, keep
}

// batchNormBack returns the derivative by the input and stores those by the
// parameters.
func (g *ganReference) batchNormBack(name string, dy []float64, k normed, channels int, grads world) []float64 {
	size := len(dy) / ganBatch / channels
	at := func(c, i int) int { return (i/size*channels+c)*size + i%size }
	count := ganBatch * size
	dx, dw, db := make([]float64, len(dy)), make([]float64, channels), make([]float64, channels)
	for c := range channels {
		for i := range count {
			db[c] += dy[at(c, i)]
			dw[c] += dy[at(c, i)] * k.x[at(c, i)]
		}
		for i := range count {
			dx[at(c, i)] = g.w[name+".weight"][c] / k.spread[c] * (dy[at(c, i)] - db[c]/float64(count) - k.x[at(c, i)]*dw[c]/float64(count))
		}
	}
	grads[name+".weight"], grads[name+".bias"] = dw, db
	return dx
}

const ganBatch = 4

// The convolutions of both networks; numbers of channels beside them.
var (
	up1    = window{large: 7, small: 1, kernel: 7, stride: 1}
	up2    = window{large: 14, small: 7, kernel: 4, stride: 2, pad: 1}
	up3    = window{large: 28, small: 14, kernel: 4, stride: 2, pad: 1}
	latent = 8
	wide   = 16
	narrow = 8
	first  = 4 // channels of the discriminator's first convolution
)

// made is a forward pass of the generator.
type made struct {
	z, h1, h2, image []float64
	bn1, bn2         normed
}

func relu(x []float64, slope float64) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = v
		if v < 0 {
			y[i] = slope * v
		}
	}
	return y
}

// reluBack needs the output only: it has the input's sign.
func reluBack(y, dy []float64, slope float64) []float64 {
	dx := make([]float64, len(y))
	for i, v := range y {
		dx[i] = dy[i]
		if v <= 0 {
			dx[i] *= slope
		}
	}
	return dx
}

func (g *ganReference) generate(z []float64) made {
	m := made{z: z}
	y := make([]float64, ganBatch*wide*7*7)
	up1.taps(ganBatch, wide, latent, func(l, s, k int) { y[l] += z[s] * g.w["gen.up1.weight"][k] })
	y, m.bn1 = g.batchNorm("gen.bn1", y, wide)
	m.h1 = relu(y, 0)
	y = make([]float64, ganBatch*narrow*14*14)
	up2.taps(ganBatch, narrow, wide, func(l, s, k int) { y[l] += m.h1[s] * g.w["gen.up2.weight"][k] })
	y, m.bn2 = g.batchNorm("gen.bn2", y, narrow)
	m.h2 = relu(y, 0)
	m.image = make([]float64, ganBatch*28*28)
	up3.taps(ganBatch, 1, narrow, func(l, s, k int) { m.image[l] += m.h2[s] * g.w["gen.up3.weight"][k] })
	for i, v := range m.image {
		m.image[i] = math.Tanh(v + g.w["gen.up3.bias"][0])
	}
	return m
}

// learn returns the generator's gradients from that by its images.
func (g *ganReference) learn(m made, dImage []float64) world {
	grads := world{"gen.up1.weight": make([]float64, latent*wide*49), "gen.up2.weight": make([]float64, wide*narrow*16),
		"gen.up3.weight": make([]float64, narrow*16), "gen.up3.bias": {0}}
	dy := make([]float64, len(dImage))
	for i, v := range m.image {
		dy[i] = dImage[i] * (1 - v*v)
		grads["gen.up3.bias"][0] += dy[i]
	}
	dh := make([]float64, len(m.h2))
	up3.taps(ganBatch, 1, narrow, func(l, s, k int) {
		dh[s] += dy[l] * g.w["gen.up3.weight"][k]
		grads["gen.up3.weight"][k] += dy[l] * m.h2[s]
	})
	dy = g.batchNormBack("gen.bn2", reluBack(m.h2, dh, 0), m.bn2, narrow, grads)
	dh = make([]float64, len(m.h1))
	up2.taps(ganBatch, narrow, wide, func(l, s, k int) {
		dh[s] += dy[l] * g.w["gen.up2.weight"][k]
		grads["gen.up2.weight"][k] += dy[l] * m.h1[s]
	})
	dy = g.batchNormBack("gen.bn1", reluBack(m.h1, dh, 0), m.bn1, wide, grads)
	up1.taps(ganBatch, wide, latent, func(l, s, k int) { grads["gen.up1.weight"][k] += dy[l] * m.z[s] })
	return grads
}

// judge returns the mean binary cross-entropy of the discriminator's verdict on
// images, its gradients added to grads, and the derivative by the images.
func (g *ganReference) judge(images []float64, real float64, grads world) (loss float64, dImage []float64) {
	c1 := make([]float64, ganBatch*first*14*14)
	up3.taps(ganBatch, 1, first, func(l, s, k int) { c1[s] += images[l] * g.w["disc.c1.weight"][k] })
	for i := range c1 {
		c1[i] += g.w["disc.c1.bias"][i/(14*14)%first]
	}
	h1 := relu(c1, 0.2)
	c2 := make([]float64, ganBatch*narrow*7*7)
	up2.taps(ganBatch, first, narrow, func(l, s, k int) { c2[s] += h1[l] * g.w["disc.c2.weight"][k] })
	for i := range c2 {
		c2[i] += g.w["disc.c2.bias"][i/(7*7)%narrow]
	}
	h2 := relu(c2, 0.2)
	dh2 := make([]float64, len(h2))
	each := len(h2) / ganBatch
	for n := range ganBatch {
		logit := g.w["disc.fc.bias"][0]
		for i := range each {
			logit += h2[n*each+i] * g.w["disc.fc.weight"][i]
		}
		p := 1 / (1 + math.Exp(-logit))
		loss -= (real*math.Log(p) + (1-real)*math.Log(1-p)) / ganBatch
		slope := (p - real) / ganBatch
		grads.add("disc.fc.bias", 1, 0, slope)
		for i := range each {
			grads.add("disc.fc.weight", each, i, slope*h2[n*each+i])
			dh2[n*each+i] = slope * g.w["disc.fc.weight"][i]
		}
	}
	return loss, g.judgeBack(images, h1, reluBack(h2, dh2, 0.2), grads)
}

func (g *ganReference) judgeBack(images, h1, dc2 []float64, grads world) []float64 {
	dh1 := make([]float64, len(h1))
	for i, v := range dc2 {
		grads.add("disc.c2.bias", narrow, i/(7*7)%narrow, v)
	}
	up2.taps(ganBatch, first, narrow, func(l, s, k int) {
		grads.add("disc.c2.weight", narrow*first*16, k, dc2[s]*h1[l])
		dh1[l] += dc2[s] * g.w["disc.c2.weight"][k]
	})
	dc1 := reluBack(h1, dh1, 0.2)
	for i, v := range dc1 {
		grads.add("disc.c1.bias", first, i/(14*14)%first, v)
	}
	dImage := make([]float64, len(images))
	up3.taps(ganBatch, 1, first, func(l, s, k int) {
		grads.add("disc.c1.weight", first*16, k, dc1[s]*images[l])
		dImage[l] += dc1[s] * g.w["disc.c1.weight"][k]
	})
	return dImage
}

// add adds to an element of a tensor of n.
func (w world) add(name string, n, i int, v float64) {
	if w[name] == nil {
		w[name] = make([]float64, n)
	}
	w[name][i] += v
}

func (g *ganReference) step(block int, in []tensor) (loss float64) {
	g.steps[block]++
	name, grads := "disc_step", world{}
	if block == 0 {
		fake := g.generate(in[1].Data) // its statistics move, its parameters do not
		onReal, _ := g.judge(in[0].Data, 1, grads)
		onFake, _ := g.judge(fake.image, 0, grads)
		loss = onReal + onFake
	} else {
		name = "gen_step"
		m := g.generate(in[0].Data)
		var dImage []float64
		loss, dImage = g.judge(m.image, 1, world{}) // the discriminator does not learn from it
		grads = g.learn(m, dImage)
	}
	for p, grad := range grads {
		g.w.adam(name, p, grad, g.steps[block], 2e-4, 0.5, 0.999, 0)
	}
	return loss
}
