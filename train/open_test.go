package train

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// put writes a file into a folder.
func put(t *testing.T, dir, name string, text []byte) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, text, 0o666); err != nil {
		t.Fatal(err)
	}
	return file
}

// shard writes tensors of one element, whose values are their letters.
func shard(t *testing.T, dir, name, letters string) string {
	t.Helper()
	var list []mlrt.Stored
	for _, c := range letters {
		list = append(list, mlrt.Stored{Name: string(c), DType: mlrt.Float32, Shape: []int{1}, Data: []float32{float32(c)}})
	}
	file := filepath.Join(dir, name)
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(mlrt.WriteFile(f, nil, list), f.Close()); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestShards reads a model of three files, by their list and by the folder.
func TestShards(t *testing.T) {
	dir := t.TempDir()
	shard(t, dir, "model-1.safetensors", "ab")
	shard(t, dir, "model-2.safetensors", "cde")
	shard(t, dir, "model-3.safetensors", "f")
	index := `{"metadata": {"total_size": 24}, "weight_map": {"a": "model-1.safetensors", "b": "model-1.safetensors", "c": "model-2.safetensors",
		"d": "model-2.safetensors", "e": "model-2.safetensors", "f": "model-3.safetensors"}}`
	for _, name := range []string{put(t, dir, indexFile, []byte(index)), dir} {
		w, err := OpenWeights(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range "abcdef" {
			var v [1]float32
			if err := w.File.Read(w.File.Find(string(c)), v[:]); err != nil || v[0] != float32(c) {
				t.Errorf("%c is %v, %v", c, v, err)
			}
		}
		if w.File.Len() != 6 {
			t.Errorf("%d tensors", w.File.Len())
		}
	}
	for want, text := range map[string]string{
		"lists no tensors":            `{"a": 1}`,
		`"../x.safetensors", which`:   `{"weight_map": {"a": "../x.safetensors"}}`,
		`no tensor "z"`:               `{"weight_map": {"a": "model-1.safetensors", "z": "model-1.safetensors"}}`,
		`two files have a tensor "a"`: `{"weight_map": {"a": "model-1.safetensors", "b": "twice.safetensors"}}`,
	} {
		shard(t, dir, "twice.safetensors", "ab")
		if _, err := OpenWeights(put(t, dir, "other.json", []byte(text))); !errors.Is(err, mlrt.ErrWeights) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %s", err, want)
		}
	}
	if _, err := OpenWeights(put(t, dir, "gone.json", []byte(`{"weight_map": {"a": "gone.safetensors"}}`))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing shard: %v", err)
	}
}

// TestOtherFormats: files that are no safetensors say what they are.
func TestOtherFormats(t *testing.T) {
	dir := t.TempDir()
	for begin, want := range map[string]string{
		"PK\x03\x04rest of it":      "a zip archive",
		"\x80\x02}q\x00.rest":       "a pickle",
		"\x89HDF\r\n\x1a\n":         "HDF5",
		"GGUF\x03\x00\x00\x00":      "GGUF",
		"version https://git-lfs.g": "git lfs pull",
		"nonsense and more":         "header of",
	} {
		_, err := OpenWeights(put(t, dir, fmt.Sprintf("%x", begin), []byte(begin)))
		if !errors.Is(err, mlrt.ErrWeights) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error with %s", begin, err, want)
		}
	}
}
