package specs_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"
)

// shown is a row that `mlc summary` must have: what the model's paper or its code says.
type shown struct {
	layer, in, out string
	parameters     int64
}

var summaries = map[string][]shown{
	"mlp":          {{"fc1", "[2, 784]", "[2, 128]", 100_480}, {"fc2", "[2, 128]", "[2, 10]", 1_290}},
	"lenet":        {{"conv1", "[2, 1, 28, 28]", "[2, 6, 28, 28]", 156}, {"conv2", "[2, 6, 14, 14]", "[2, 16, 10, 10]", 2_416}, {"fc1", "[2, 400]", "[2, 120]", 48_120}},
	"resnet18":     {{"conv1", "[2, 3, 224, 224]", "[2, 64, 112, 112]", 9_408}, {"stage.3.1.conv2", "[2, 512, 7, 7]", "[2, 512, 7, 7]", 2_359_296}, {"fc", "[2, 512]", "[2, 1000]", 513_000}},
	"unet":         {{"mid.conv2", "[2, 1024, 16, 16]", "[2, 1024, 16, 16]", 9_437_184}, {"up.3", "[2, 128, 128, 128]", "[2, 64, 256, 256]", 32_832}, {"head", "[2, 64, 256, 256]", "[2, 2, 256, 256]", 130}},
	"vae":          {{"enc", "[2, 784]", "[2, 400]", 314_000}, {"dec2", "[2, 400]", "[2, 784]", 314_384}},
	"lstm":         {{"embed", "[2, 7]", "[2, 7, 128]", 2_560_000}, {"rnn", "[2, 7, 128]", "[2, 7, 512]", 2_367_488}, {"fc", "[2, 512]", "[2, 2]", 1_026}},
	"gpt":          {{"wte", "[2, 7]", "[2, 7, 768]", 38_633_472}, {"h.11.mlp.c_fc", "[2, 7, 768]", "[2, 7, 3072]", 2_362_368}, {"lm_head", "[2, 7, 768]", "[2, 7, 50304]", 0}},
	"llama":        {{"layers.15.self_attn.k_proj", "[2, 7, 2048]", "[2, 7, 512]", 1_048_576}, {"layers.0.mlp.up_proj", "[2, 7, 2048]", "[2, 7, 8192]", 16_777_216}},
	"vit":          {{"patch_embed", "[2, 3, 224, 224]", "[2, 768, 14, 14]", 590_592}, {"blocks.0.fc1", "[2, 197, 768]", "[2, 197, 3072]", 2_362_368}, {"head", "[2, 768]", "[2, 1000]", 769_000}},
	"dqn":          {{"q.fc1", "[2, 4]", "[2, 128]", 640}, {"q_target.fc3", "[2, 128]", "[2, 2]", 258}},
	"actor_critic": {{"fc2", "[2, 256]", "[2, 256]", 65_792}, {"critic", "[2, 256]", "[2, 1]", 257}},
	"gan":          {{"gen.up2", "[2, 256, 7, 7]", "[2, 128, 14, 14]", 524_288}, {"disc.c2", "[2, 64, 14, 14]", "[2, 128, 7, 7]", 131_200}},
	"clip":         {{"vision", "[2, 3, 224, 224]", "[2, 512]", 39_168}, {"language.wpe", "[77]", "[77, 512]", 39_424}, {"language.proj", "[2, 512]", "[2, 512]", 262_144}},
	"ctc":          {{"conv2", "[2, 32, 4, 40]", "[2, 32, 2, 20]", 9_248}, {"rnn", "[2, 2, 640]", "[2, 2, 1024]", 17_719_296}, {"fc", "[2, 2, 1024]", "[2, 2, 29]", 29_725}},
	"custom":       {{"cell.gate", "[2, 16]", "[2, 32]", 544}, {"norm", "[2, 32]", "[2, 32]", 64}, {"fc", "[2, 32]", "[2, 1]", 33}},
}

// TestSummary runs `mlc summary` of every network at full size: the rows' parameters
// and the model's own add up to the published number, and some rows are as known.
func TestSummary(t *testing.T) {
	mlc := filepath.Join(t.TempDir(), "mlc")
	if out, err := exec.Command("go", "build", "-o", mlc, "../cmd/mlc").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	own := map[string]int64{"clip": 1, "vit": 152_064} // parameters of the model itself, in no layer
	for _, s := range specs {
		t.Run(s.name, func(t *testing.T) {
			out, err := exec.Command(mlc, "summary", s.file(), "--format", "json", "--batch", "2", "--with", "time=7").Output()
			if err != nil {
				t.Fatal(err)
			}
			var have struct {
				Parameters int64
				Layers     []struct {
					Name            string
					Inputs, Outputs []string
					Parameters      int64
				}
				Memory int64 `json:"memory_bytes"`
			}
			if err := json.NewDecoder(bytes.NewReader(out)).Decode(&have); err != nil {
				t.Fatal(err)
			}
			sum := own[s.name]
			for _, l := range have.Layers {
				sum += l.Parameters
			}
			if have.Parameters != s.parameters || sum != s.parameters {
				t.Errorf("%d parameters, the rows and the model's own are %d, want %d", have.Parameters, sum, s.parameters)
			}
			if have.Memory < s.parameters*2 {
				t.Errorf("%d bytes of memory are less than the parameters take", have.Memory)
			}
			for _, want := range summaries[s.name] {
				found := false
				for _, l := range have.Layers {
					found = found || l.Name == want.layer && l.Inputs[0] == want.in && l.Outputs[0] == want.out && l.Parameters == want.parameters
				}
				if !found {
					t.Errorf("no row %v in\n%s", want, out)
				}
			}
		})
	}
}
