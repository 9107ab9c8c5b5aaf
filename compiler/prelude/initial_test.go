package prelude_test

import (
	"math"
	"testing"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
)

// drawn is the content of a new parameter with an initializer.
func drawn(t *testing.T, shape, initializer string) []float64 {
	t.Helper()
	m := compile(t, "edition 1\n\nmodel I() {\n    input x float32[1]\n    param p "+shape+" = "+initializer+"\n    output x + p[0, 0]\n}\n")
	return stored(m, "p")
}

// TestInitializers compares means, variances and bounds of 60,000 draws with those
// of the distributions: five standard errors apart at most.
func TestInitializers(t *testing.T) {
	const in, out = 300, 200
	for _, tc := range []struct {
		text            string
		mean, deviation float64
		bound           float64 // of |x - mean|; 0 for none
	}{
		{"uniform(-1, 3)", 1, 4 / math.Sqrt(12), 2},
		{"normal(mean = 2, std = 0.5)", 2, 0.5, 0},
		{"xavier_uniform", 0, math.Sqrt(2. / (in + out)), math.Sqrt(6. / (in + out))},
		{"xavier_normal", 0, math.Sqrt(2. / (in + out)), 0},
		{"kaiming_uniform(a = sqrt(5))", 0, 1 / math.Sqrt(3*in), 1 / math.Sqrt(in)},
		{"kaiming_normal", 0, math.Sqrt(2. / in), 0},
		{"lecun_normal", 0, 1 / math.Sqrt(in), 2 / (math.Sqrt(in) * 0.8796256610342398)},
		{"trunc_normal", 0, 0.8796256610342398, 2},
		{"constant(0.25)", 0.25, 0, 1e-12},
	} {
		t.Run(tc.text, func(t *testing.T) {
			x := drawn(t, "[200, 300]", tc.text)
			n := float64(len(x))
			mean := sum(x, func(v float64) float64 { return v }) / n
			variance := sum(x, func(v float64) float64 { return (v - mean) * (v - mean) }) / n
			if d := math.Abs(mean - tc.mean); d > 5*tc.deviation/math.Sqrt(n)+1e-12 {
				t.Errorf("mean %g, want %g", mean, tc.mean)
			}
			// The variance of a square is at most twice the squared variance here.
			if d := math.Abs(variance - tc.deviation*tc.deviation); d > 5*math.Sqrt(2/n)*tc.deviation*tc.deviation+1e-12 {
				t.Errorf("variance %g, want %g", variance, tc.deviation*tc.deviation)
			}
			for _, v := range x {
				if tc.bound > 0 && math.Abs(v-tc.mean) > tc.bound*(1+1e-12) {
					t.Fatalf("%g is outside of %g around %g", v, tc.bound, tc.mean)
				}
			}
		})
	}
}

// TestGains follows torch.nn.init.calculate_gain.
func TestGains(t *testing.T) {
	for _, tc := range []struct {
		args string
		want float64
	}{
		{`"linear"`, 1}, {`"sigmoid"`, 1}, {`"tanh"`, 5. / 3}, {`"relu"`, math.Sqrt2}, {`"selu"`, 0.75},
		{`"leaky_relu", 0.2`, math.Sqrt(2 / 1.04)},
	} {
		near(t, tc.args, drawn(t, "[1, 1]", "constant(calculate_gain("+tc.args+"))"), []float64{tc.want}, 1e-12)
	}
}

// TestOrthogonal multiplies the rows, which are fewer than the columns.
func TestOrthogonal(t *testing.T) {
	x := drawn(t, "[20, 30]", "orthogonal(gain = 2)")
	for _, pair := range [][2]int{{0, 0}, {7, 7}, {0, 1}, {3, 19}} {
		dot := 0.0
		for k := range 30 {
			dot += x[pair[0]*30+k] * x[pair[1]*30+k]
		}
		want := 0.0
		if pair[0] == pair[1] {
			want = 4
		}
		near(t, "product of two rows", []float64{dot}, []float64{want}, 1e-9)
	}
}

// TestBernoulli counts ones.
func TestBernoulli(t *testing.T) {
	m := compile(t, "edition 1\n\nmodel B() {\n    input x float32[n]\n    output bernoulli(x)\n}\n")
	x := ir.NewDense(dim.Float32, 10000)
	for i := range x.Data {
		x.Data[i] = 0.3
	}
	out, err := m.Run(m.Entry(ir.Forward, "forward"), x)
	if err != nil {
		t.Fatal(err)
	}
	ones := 0
	for _, v := range out[0].Data {
		switch v {
		case 1:
			ones++
		case 0:
		default:
			t.Fatalf("drew %g", v)
		}
	}
	if math.Abs(float64(ones)-3000) > 5*math.Sqrt(10000*0.3*0.7) {
		t.Errorf("%d ones, want about 3000", ones)
	}
}

// TestDecoderLayer says what the decoder layer is made of: without the memory's
// attention (its projection's weights are zero, and it is normalized before) it is
// the encoder layer with a causal mask.
func TestDecoderLayer(t *testing.T) {
	m := compile(t, "edition 1\n\nmodel D() {\n    input x float32[2, 5, 8]\n    input memory float32[2, 3, 8]\n"+
		"    layer enc = transformer_encoder_layer(2, 12, norm_first = true, is_causal = true)\n"+
		"    layer dec = transformer_decoder_layer(2, 12, norm_first = true)\n"+
		"    output x -> enc, (x, memory) -> dec\n}\n")
	for _, p := range []string{"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj", "linear1", "linear2", "norm1"} {
		for _, kind := range []string{".weight", ".bias"} {
			from := stored(m, "enc."+p+kind)
			set(m, "dec."+p+kind, func(i int) float64 { return from[i] })
		}
	}
	set(m, "enc.norm2.weight", func(i int) float64 { return number(0, i) })
	set(m, "dec.norm3.weight", func(i int) float64 { return number(0, i) })
	set(m, "dec.multihead_attn.out_proj.weight", func(int) float64 { return 0 })
	x, memory := ir.NewDense(dim.Float32, 2, 5, 8), ir.NewDense(dim.Float32, 2, 3, 8)
	for i := range x.Data {
		x.Data[i] = number(1, i)
	}
	out, err := m.Run(m.Entry(ir.Forward, "forward"), x, memory)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "decoder", out[1].Data, out[0].Data, 1e-12)
	set(m, "dec.multihead_attn.out_proj.weight", func(i int) float64 { return number(2, i) })
	for i := range memory.Data {
		memory.Data[i] = number(3, i)
	}
	with, err := m.Run(m.Entry(ir.Forward, "forward"), x, memory)
	if err != nil {
		t.Fatal(err)
	}
	for i := range memory.Data {
		memory.Data[i] *= -1
	}
	without, err := m.Run(m.Entry(ir.Forward, "forward"), x, memory)
	if err != nil {
		t.Fatal(err)
	}
	if d := math.Abs(with[1].Data[0] - without[1].Data[0]); d < 1e-6 {
		t.Errorf("the memory moves the result by %g", d)
	}
}
