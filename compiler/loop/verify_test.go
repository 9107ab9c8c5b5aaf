package loop

import (
	"os"
	"strings"
	"testing"
)

// TestVerifyRefuses breaks a sound program in one place at a time.
func TestVerifyRefuses(t *testing.T) {
	refuses(t, "testdata/mlp_forward.txt", []breakage{
		{"param images f32[batch, 784] read", "param images f32[batch, 784] write", "images is read but not marked so"},
		{"param hidden f32[batch, 128] write", "param hidden f32[batch, 128] read", "hidden is written but not marked so"},
		{"images[i, k]", "images[i]", "images of rank 2 has 1 indices"},
		{"images[i, k]", "images[i, f32(1)]", "an index of images is float32, want int64"},
		{"  dims batch\n  param images", "  param images", "uses the size batch"},
		{"add(acc, bias[j])\n    store hidden", "add(acc, i)\n    store hidden", "an operand of add is int64, want float32"},
		{"kernel fc2Forward", "kernel fc1Forward", "kernel fc1Forward twice"},
		{"sum f32 = sum exp", "sum i32 = sum exp", "result sum is int32, want float32"},
		{"store probabilities[i, j] =", "store probabilities[i, k] =", `unknown name "k"`},
		{"select(lt(f32(0), %1), %1, f32(0))", "select(%1, %1, f32(0))", "a select's condition is float32, want bool"},
		{"hidden = b4) dims (batch)", "hidden = b4)", "0 sizes for 1"},
		{"weight = b2, bias = b3, hidden = b4", "weight = b2, bias = b3", "3 arguments for 4 parameters"},
		{"bias = b3, hidden = b4", "bias = b2, hidden = b4", "buffer fc1Weight has 100352 elements, want 128"},
		{"bias = b3, hidden = b4", "bias = b3, hidden = b1", "buffer images is written, which its kind forbids"},
		{"call softmax(logits = b7, probabilities = b8) dims (batch)", "", "output probabilities is not computed"},
		{"call fc1Forward(images = b1, weight = b2, bias = b3, hidden = b4) dims (batch)", "call fc2Forward(hidden = b4, weight = b5, bias = b6, logits = b7) dims (batch)", "buffer hidden is read before it is written"},
		{"b7 logits temp f32[batch, 10] slot 1", "b7 logits temp f32[batch, 10] slot 0", "share slot 0 and are live together"},
		{"b7 logits temp f32[batch, 10] slot 1", "b7 logits temp f32[batch, 10] slot 7", "slot 7 of 3"},
		{`stored f32[10] var "fc2.bias"`, "temp f32[10] slot 2", "buffer fc2Bias is read before it is written"},
	})
}

// TestVerifyRefusesParts does the same to kernels of parts.
func TestVerifyRefusesParts(t *testing.T) {
	refuses(t, "testdata/attention_tiled.txt", []breakage{
		{"part scores2(q = q, k = k, s = s)", "part scores2(q = q, k = k)", "2 arguments for 3 parameters"},
		{"part scores2(q = q, k = k, s = s) dims (n, t, rows)", "part scores2(q = q, k = k, s = s) dims (t, rows)", "2 sizes for 3"},
		{"part scores2(q = q, k = k, s = s) dims (n, t, rows)", "part scores2(q = q, k = k, s = s) dims (t, n, rows)", "elements, want"},
		{"s = s) dims (n, t, rows) counters (i, j, row)", "s = s) dims (n, t, rows) counters (i)", "1 counters for 3"},
		{"s = s) dims (n, t, rows) counters (i, j, row)", "s = s) dims (n, t, rows) counters (i, k, row)", `unknown axis "k"`},
		{"by 64 rows rows end end", "by 64 rows t end end", "tiles of 64 with sizes t and end"},
		{"by 64 rows rows end end", "by 64 rows lines end end", "uses the size rows"},
		{"local s f32[64, t]", "local s f32[t]", "s has t elements, want 64*t"},
		{"local s f32[64, t]", "local s i32[64, t]", "s is int32, want float32"},
		{"local s f32[64, t]", "local s f32[64, t]\n  local s f32[64, t]", "local s: the name is taken"},
		{"part weights(s = s, w = w)", "part weights(s = w, w = s)", "w is read before it is written"},
		{"part weights(s = s, w = w)", "part weights(s = s, w = s)", "parameters w and s are the same memory"},
		{"part weights(s = s, w = w)", "part weights(s = s, w = q)", "q is written but not marked so"},
		{"part scores2(q = q, k = k, s = s) dims (n, t, rows) counters (i, j, row)\n", "", "s is read before it is written"},
	})
}

// TestVerifyRefusesTilesInOrder does the same to parts that run at some tiles.
func TestVerifyRefusesTilesInOrder(t *testing.T) {
	refuses(t, "testdata/attention_causal.txt", []breakage{
		{"end end serial", "end end", "part 3, start: it runs at_first without tiles in order"},
		{"part start(block = block) dims (t) at_first", "", "block is read before it is written"},
		{"from block[j, l]", "from j", "what a contraction starts from is int64, want float32"},
	})
}

type breakage struct{ old, new, want string }

func refuses(t *testing.T, file string, list []breakage) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	p, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := Verify(p); err != nil {
		t.Fatalf("the sound program: %v", err)
	}
	for _, c := range list {
		if !strings.Contains(text, c.old) {
			t.Fatalf("the program has no %q", c.old)
		}
		p, err := Parse(strings.Replace(text, c.old, c.new, 1))
		if err == nil {
			err = Verify(p)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q for %q: got %v, want %s", c.new, c.old, err, c.want)
		}
	}
}
