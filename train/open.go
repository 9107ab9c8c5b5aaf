package train

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// indexFile is how Hugging Face names the list of a model's shards.
const indexFile = "model.safetensors.index.json"

// OpenWeights reads a weights file, the list of a model's shards (as Hugging Face
// writes it, ending in .json), or a folder: the checkpoint of a run, else a
// model's file or shards. When the checkpoint is damaged and its previous
// generation is whole, that is read and Fallback says so; a file that was asked
// for by its name is refused.
func OpenWeights(name string) (*Weights, error) {
	st, err := os.Stat(name)
	run := err == nil && st.IsDir()
	if run {
		name = weightsIn(name)
	}
	if filepath.Ext(name) == ".json" {
		return openShards(name)
	}
	f, fallback, err := openNewest(Disk, name)
	if err != nil {
		return nil, otherFormat(name, err)
	}
	if fallback != nil && !run {
		return nil, fmt.Errorf("%w\nthe previous generation %s is whole", fallback, name+PreviousSuffix)
	}
	return &Weights{Name: name, File: f, Fallback: fallback}, nil
}

// weightsIn returns the weights file of a folder. The checkpoint comes first, and
// where its newest generation is lost, the previous one counts.
func weightsIn(dir string) string {
	for _, c := range [][2]string{
		{CheckpointFile, CheckpointFile}, {CheckpointFile + PreviousSuffix, CheckpointFile}, {indexFile, indexFile}, {modelFile, modelFile},
	} {
		if _, err := os.Stat(filepath.Join(dir, c[0])); err == nil {
			return filepath.Join(dir, c[1])
		}
	}
	return filepath.Join(dir, CheckpointFile)
}

// openShards reads the files that a list names, which lie beside it.
func openShards(name string) (*Weights, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var index struct {
		Files map[string]string `json:"weight_map"` // by tensor
	}
	if err := json.Unmarshal(text, &index); err != nil || len(index.Files) == 0 {
		return nil, fmt.Errorf("%w: %s lists no tensors under weight_map", mlrt.ErrWeights, name)
	}
	var shards []string
	for _, file := range index.Files {
		if !slices.Contains(shards, file) {
			shards = append(shards, file)
		}
	}
	slices.Sort(shards)
	whole := &mlrt.File{}
	for _, file := range shards {
		if filepath.Base(file) != file {
			return nil, fmt.Errorf("%w: %s names the file %q, which is not beside it", mlrt.ErrWeights, name, file)
		}
		path := filepath.Join(filepath.Dir(name), file)
		part, err := openFile(Disk, path)
		if err == nil {
			err = whole.Append(part)
		} else {
			err = otherFormat(path, err)
		}
		if err != nil {
			return nil, err
		}
	}
	for tensor, file := range index.Files {
		if whole.Find(tensor) < 0 {
			return nil, fmt.Errorf("%w: %s has no tensor %q, which %s promises", mlrt.ErrWeights, file, tensor, name)
		}
	}
	return &Weights{Name: name, File: whole}, nil
}

// otherFormat adds to the error about a file that is no safetensors file what it is
// and what to do.
func otherFormat(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) || !errors.Is(err, mlrt.ErrWeights) {
		return err
	}
	f, opened := os.Open(name)
	if opened != nil {
		return err
	}
	defer f.Close()
	head := make([]byte, 8)
	n, _ := io.ReadFull(f, head) // a short file begins with what it has
	for _, c := range []struct{ begin, what, hint string }{
		{"PK\x03\x04", "a zip archive, such as PyTorch's torch.save or numpy's savez write", "in Python: safetensors.torch.save_file(model.state_dict(), \"model.safetensors\")"},
		{"\x80\x02", "a pickle, as PyTorch once wrote them", "in Python: safetensors.torch.save_file(model.state_dict(), \"model.safetensors\")"},
		{"\x89HDF", "an HDF5 file, as Keras writes them", "in Python: safetensors.numpy.save_file({v.path: v.numpy() for v in model.variables}, \"model.safetensors\")"},
		{"GGUF", "a GGUF file", "take the safetensors file that it was made from"},
		{"version ", "a pointer to a file that Git LFS keeps", "git lfs pull fetches it"},
	} {
		if bytes.HasPrefix(head[:n], []byte(c.begin)) {
			return fmt.Errorf("%w: %s is %s, and weights are safetensors files\n%s", mlrt.ErrWeights, name, c.what, c.hint)
		}
	}
	return err
}
