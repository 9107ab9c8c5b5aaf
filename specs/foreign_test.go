package specs_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/compiler"
	"github.com/mlc-go/mlc/compiler/eval"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/internal/refdata"
	mlrt "github.com/mlc-go/mlc/runtime"
	"github.com/mlc-go/mlc/train"
)

// foreignModel is a model that takes weights that another program wrote.
type foreignModel struct {
	prog *ir.Program
	info mlrt.Info
}

// buildForeign builds the text of a model with hyper-parameters.
func buildForeign(t *testing.T, text []byte, set map[string]string) *foreignModel {
	t.Helper()
	return foreignFrom(t, compiler.Options{File: "net.ml", Overlay: map[string][]byte{"net.ml": text}, FS: os.DirFS("."), Set: set})
}

func foreignFrom(t *testing.T, o compiler.Options) *foreignModel {
	t.Helper()
	r, diags, err := compiler.Build(o)
	if err != nil || diags.HasErrors() {
		t.Fatal(diags, err)
	}
	m := &foreignModel{prog: r.IR, info: mlrt.Info{Name: r.IR.Name}}
	for _, v := range r.IR.Vars {
		if v.Kind != ir.Param && v.Kind != ir.Buffer {
			continue
		}
		info := mlrt.VarInfo{Name: v.Name, DType: mlrt.Float32}
		for _, d := range v.Type.Shape {
			n, _ := d.Int()
			info.Shape = append(info.Shape, int(n))
		}
		m.info.Vars = append(m.info.Vars, info)
	}
	return m
}

// load converts a weights file by the rules of a map.
func (m *foreignModel) load(t *testing.T, w *train.Weights, rules string) map[string][]float32 {
	t.Helper()
	parsed, err := train.ParseWeightMap(rules)
	if err != nil {
		t.Fatal(err)
	}
	list, report, err := w.Convert(&m.info, train.LoadOptions{Map: parsed})
	if err != nil {
		t.Fatal(err)
	}
	if report.Loaded != len(m.info.Vars) {
		t.Fatalf("%d tensors loaded, the model has %d", report.Loaded, len(m.info.Vars))
	}
	loaded := map[string][]float32{}
	for _, s := range list {
		loaded[s.Name] = s.Data.([]float32)
	}
	return loaded
}

// run evaluates the model's first entry in float64 with these weights.
func (m *foreignModel) run(t *testing.T, loaded map[string][]float32, shape []int, input []float64) []float64 {
	t.Helper()
	ref := eval.NewReference(m.prog)
	for _, v := range m.prog.Vars {
		if values, ok := loaded[v.Name]; ok {
			for i, x := range values {
				ref.Vars[v].Data[i] = float64(x)
			}
		}
	}
	e := ref.Entry(ir.Forward, "forward")
	out, err := ref.Run(e, ir.Dense{DType: e.Inputs[0].Value.Type.DType, Shape: shape, Data: input})
	if err != nil {
		t.Fatal(err)
	}
	return out[0].Data
}

func open(t *testing.T, name string) *train.Weights {
	t.Helper()
	w, err := train.OpenWeights(refdata.Path(t, "models", name))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func floatsOf(t *testing.T, w *train.Weights, name string) []float64 {
	t.Helper()
	k := w.File.Find(name)
	n := 1
	for _, d := range w.File.Tensor(k).Shape {
		n *= d
	}
	if s := w.File.Tensor(k); s.DType == mlrt.Int64 {
		ints, floats := make([]int64, n), make([]float64, n)
		if err := w.File.Read(k, ints); err != nil {
			t.Fatal(err)
		}
		for i, v := range ints {
			floats[i] = float64(v)
		}
		return floats
	}
	v := make([]float64, n)
	if err := w.File.Read(k, v); err != nil {
		t.Fatal(err)
	}
	return v
}

// near fails when two lists of float64 differ by more than rounding.
func near(t *testing.T, what string, have, want []float64) {
	t.Helper()
	if len(have) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(have), len(want))
	}
	for i, v := range have {
		if !(math.Abs(v-want[i]) <= 1e-7*(1+math.Abs(want[i]))) {
			t.Fatalf("%s, value %d: %v, want %v", what, i, v, want[i])
		}
	}
}

const resnet8Samples = 1 // of the sixteen: the evaluator is slow

// TestKerasResNet8 loads MLPerf Tiny's ResNet-8, whose kernels are [height,
// width, in, out], and compares its answers with TensorFlow's architecture as
// PyTorch computed it in float64.
func TestKerasResNet8(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "resnet8.ml"))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := os.ReadFile(filepath.Join("testdata", "keras.map"))
	if err != nil {
		t.Fatal(err)
	}
	m := buildForeign(t, text, nil)
	loaded := m.load(t, open(t, "mlperf-tiny-resnet8-cifar10.safetensors"), string(rules))
	ref := open(t, "mlperf-tiny-resnet8-cifar10.ref.safetensors")
	x, y := floatsOf(t, ref, "in.x"), floatsOf(t, ref, "out.y")
	const size = 32 * 32
	planes := make([]float64, resnet8Samples*3*size) // from channels last
	for i := range planes {
		n, c, p := i/(3*size), i/size%3, i%size
		planes[i] = x[(n*size+p)*3+c]
	}
	near(t, "probabilities", m.run(t, loaded, []int{resnet8Samples, 3, 32, 32}, planes), y[:resnet8Samples*10])
}

// llama2c reads a checkpoint of llama2.c, version 0, and names its tensors as
// Hugging Face does. That format has the two numbers that rope turns together
// side by side; Hugging Face has them half a head apart.
func llama2c(t *testing.T) *train.Weights {
	t.Helper()
	raw, err := os.ReadFile(refdata.Path(t, "models", "stories260K.bin"))
	if err != nil {
		t.Fatal(err)
	}
	var head [7]int
	for i := range head {
		head[i] = int(int32(binary.LittleEndian.Uint32(raw[4*i:])))
	}
	dim, hidden, layers, heads, kvHeads, vocab := head[0], head[1], head[2], head[3], head[4], head[5]
	raw = raw[4*len(head):]
	kv := dim / heads * kvHeads
	next := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
		raw = raw[4*n:]
		return v
	}
	var list []mlrt.Stored
	add := func(name string, data []float32, shape ...int) {
		list = append(list, mlrt.Stored{Name: "model." + name, DType: mlrt.Float32, Shape: shape, Data: data})
	}
	each := func(name string, rows, columns int, turn bool) {
		for l := range layers {
			data, shape := next(rows*columns), []int{rows, columns}
			if turn {
				data = halves(data, dim/heads, columns)
			}
			if columns == 1 {
				shape = shape[:1]
			}
			add(fmt.Sprintf("layers.%d.%s.weight", l, name), data, shape...)
		}
	}
	add("embed_tokens.weight", next(vocab*dim), vocab, dim)
	each("input_layernorm", dim, 1, false)
	each("self_attn.q_proj", dim, dim, true)
	each("self_attn.k_proj", kv, dim, true)
	each("self_attn.v_proj", kv, dim, false)
	each("self_attn.o_proj", dim, dim, false)
	each("post_attention_layernorm", dim, 1, false)
	each("mlp.gate_proj", hidden, dim, false)
	each("mlp.down_proj", dim, hidden, false)
	each("mlp.up_proj", hidden, dim, false)
	add("norm.weight", next(dim), dim)
	return written(t, list)
}

// halves moves the even rows of each head before the odd ones.
func halves(data []float32, head, columns int) []float32 {
	out := make([]float32, len(data))
	for r := range len(data) / columns {
		in := r % head
		to := r - in + in/2 + in%2*(head/2)
		copy(out[to*columns:(to+1)*columns], data[r*columns:])
	}
	return out
}

// written returns the tensors as a weights file that was read.
func written(t *testing.T, list []mlrt.Stored) *train.Weights {
	t.Helper()
	var b bytes.Buffer
	if err := mlrt.WriteFile(&b, nil, list); err != nil {
		t.Fatal(err)
	}
	f, err := mlrt.ReadFile(&b)
	if err != nil {
		t.Fatal(err)
	}
	return &train.Weights{Name: "foreign", File: f}
}

// TestStories260K runs the Llama spec with the weights of a small trained model,
// through the map that ships with the spec, and compares its logits.
func TestStories260K(t *testing.T) {
	text, rules := specAndMap(t, "llama", "huggingface.map")
	text = []byte(strings.Replace(string(text), "@dtype(bfloat16)\n", "", 1)) // the file's weights are float32
	m := buildForeign(t, text, map[string]string{"vocab": "512", "context": "512", "layers": "5", "heads": "8", "kv_heads": "4",
		"dim": "64", "hidden": "172", "theta": "10000.0"})
	loaded := m.load(t, llama2c(t), rules)
	ref := open(t, "stories260K.ref.safetensors")
	tokens, positions, logits := floatsOf(t, ref, "in.tokens"), floatsOf(t, ref, "in.positions"), floatsOf(t, ref, "out.logits")
	const most = 64 // tokens: the evaluator is slow
	tokens = tokens[:min(most, len(tokens))]
	have := m.run(t, loaded, []int{1, len(tokens)}, tokens)
	compared := 0
	for i, p := range positions {
		if k := int(p); k < len(tokens) {
			compared++
			near(t, fmt.Sprintf("logits at position %d", k), have[k*512:(k+1)*512], logits[i*512:(i+1)*512])
		}
	}
	if compared == 0 {
		t.Errorf("no position of %v is below %d", positions, len(tokens))
	}
}

func specAndMap(t *testing.T, name, rules string) ([]byte, string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(name, "net.ml"))
	if err != nil {
		t.Fatal(err)
	}
	lines, err := os.ReadFile(filepath.Join(name, rules))
	if err != nil {
		t.Fatal(err)
	}
	return text, string(lines)
}

// counting makes a tensor whose elements count from a number of its own.
func counting(name string, shape ...int) mlrt.Stored {
	n, first := 1, 0
	for _, d := range shape {
		n *= d
	}
	for _, c := range name {
		first = (first*31 + int(c)) % 9973
	}
	data := make([]float32, n)
	for i := range data {
		data[i] = float32((first + i) % 65521)
	}
	return mlrt.Stored{Name: name, DType: mlrt.Float32, Shape: shape, Data: data}
}

// TestTorchvisionNames loads a file with the tensors of torchvision's resnet18.
func TestTorchvisionNames(t *testing.T) {
	var list []mlrt.Stored
	norm := func(name string, n int) {
		for _, p := range []string{"weight", "bias", "running_mean", "running_var"} {
			list = append(list, counting(name+"."+p, n))
		}
		list = append(list, mlrt.Stored{Name: name + ".num_batches_tracked", DType: mlrt.Int64, Shape: nil, Data: []int64{1}})
	}
	list = append(list, counting("conv1.weight", 64, 3, 7, 7))
	norm("bn1", 64)
	in := 64
	for layer, width := range []int{64, 128, 256, 512} {
		for block := range 2 {
			p := fmt.Sprintf("layer%d.%d.", layer+1, block)
			list = append(list, counting(p+"conv1.weight", width, in, 3, 3), counting(p+"conv2.weight", width, width, 3, 3))
			norm(p+"bn1", width)
			norm(p+"bn2", width)
			if in != width {
				list = append(list, counting(p+"downsample.0.weight", width, in, 1, 1))
				norm(p+"downsample.1", width)
			}
			in = width
		}
	}
	list = append(list, counting("fc.weight", 1000, 512), counting("fc.bias", 1000))
	text, rules := specAndMap(t, "resnet18", "torchvision.map")
	loaded := buildForeign(t, text, nil).load(t, written(t, list), rules)
	for model, file := range map[string]string{
		"conv1.weight": "conv1.weight", "stage.0.1.bn2.running_var": "layer1.1.bn2.running_var", "stage.3.0.conv2.weight": "layer4.0.conv2.weight",
		"stage.1.0.downsample.conv.weight": "layer2.0.downsample.0.weight", "stage.2.0.downsample.bn.bias": "layer3.0.downsample.1.bias",
	} {
		i := slices.IndexFunc(list, func(s mlrt.Stored) bool { return s.Name == file })
		if !slices.Equal(loaded[model], list[i].Data.([]float32)) {
			t.Errorf("%s is not %s", model, file)
		}
	}
}

// TestHuggingFaceGPT2Names loads files with the tensors of GPT2Model and of
// GPT2LMHeadModel, whose Conv1D layers keep [in, out].
func TestHuggingFaceGPT2Names(t *testing.T) {
	const vocab, context, dim = 24, 10, 8
	text, rules := specAndMap(t, "gpt", "huggingface.map")
	m := buildForeign(t, text, map[string]string{"vocab": fmt.Sprint(vocab), "context": fmt.Sprint(context), "layers": "2", "heads": "2", "dim": fmt.Sprint(dim)})
	for _, prefix := range []string{"", "transformer."} {
		list := []mlrt.Stored{counting(prefix+"wte.weight", vocab, dim), counting(prefix+"wpe.weight", context, dim)}
		for l := range 2 {
			p := fmt.Sprintf("%sh.%d.", prefix, l)
			for _, n := range []string{"ln_1", "ln_2"} {
				list = append(list, counting(p+n+".weight", dim), counting(p+n+".bias", dim))
			}
			list = append(list,
				counting(p+"attn.bias", 1, 1, context, context), counting(p+"attn.masked_bias"),
				counting(p+"attn.c_attn.weight", dim, 3*dim), counting(p+"attn.c_attn.bias", 3*dim),
				counting(p+"attn.c_proj.weight", dim, dim), counting(p+"attn.c_proj.bias", dim),
				counting(p+"mlp.c_fc.weight", dim, 4*dim), counting(p+"mlp.c_fc.bias", 4*dim),
				counting(p+"mlp.c_proj.weight", 4*dim, dim), counting(p+"mlp.c_proj.bias", dim))
		}
		list = append(list, counting(prefix+"ln_f.weight", dim), counting(prefix+"ln_f.bias", dim))
		if prefix != "" {
			list = append(list, counting("lm_head.weight", vocab, dim))
		}
		loaded := m.load(t, written(t, list), rules)
		for _, name := range []string{"attn.c_attn", "mlp.c_fc"} {
			have, file := loaded["h.1."+name+".weight"], counting(prefix+"h.1."+name+".weight", len(loaded["h.1."+name+".weight"]))
			rows := len(have) / dim
			for i, v := range have {
				if want := file.Data.([]float32)[i%dim*rows+i/dim]; v != want {
					t.Fatalf("%s%s, element %d: %v, want %v of the turned matrix", prefix, name, i, v, want)
				}
			}
		}
	}
}
