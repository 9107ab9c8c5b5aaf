package data

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// plain writes a picture of one colour.
func plain(t *testing.T, path string, c color.Color, w, h int) {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		img.Set(i%w, i/w, c)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestClassFolders(t *testing.T) {
	dir := t.TempDir()
	red, blue := color.RGBA{255, 0, 0, 255}, color.RGBA{0, 0, 255, 255}
	for _, half := range []string{"train", "val"} {
		plain(t, filepath.Join(dir, half, "red", "1.png"), red, 6, 4)
		plain(t, filepath.Join(dir, half, "blue", "2.png"), blue, 8, 8)
		plain(t, filepath.Join(dir, half, "blue", "3.png"), blue, 5, 7)
	}
	src, err := Open(dir, Options{Shape: []int{3, 2, 2}, Scale: "none"})
	if err != nil {
		t.Fatal(err)
	}
	if got := column32(t, src.Train, LabelColumn); !slices.Equal(got, []int32{0, 0, 1}) || src.Tests.Len() != 3 {
		t.Errorf("labels %v, %d test samples", got, src.Tests.Len())
	}
	if got, want := column32(t, src.Train, ImageColumn)[24:], []int32{255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("the red picture is %v, want %v", got, want)
	}
	if again := reopen(t, src.Transform, dir); again.Tests.Fingerprint() != src.Tests.Fingerprint() {
		t.Errorf("other test samples when it is read again")
	}
	if src, err := Open(filepath.Join(dir, "train"), Options{}); err != nil || !slices.Equal(src.Transform.Shape, []int{3, 8, 8}) || src.Tests != nil {
		t.Errorf("without a size: %v", err)
	}
	plain(t, filepath.Join(dir, "val", "green", "1.png"), color.RGBA{0, 255, 0, 255}, 2, 2)
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrData) || !strings.Contains(err.Error(), `"blue", "green", "red"`) {
		t.Errorf("other classes: %v", err)
	}
	bad := filepath.Join(dir, "train", "red", "4.png")
	if err := os.WriteFile(bad, []byte("no picture"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(dir, "train"), Options{}); !errors.Is(err, ErrData) || !strings.Contains(err.Error(), "4.png") {
		t.Errorf("a damaged picture: %v", err)
	}
}

// TestFlatClasses takes the class from the names of files.
func TestFlatClasses(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []string{"cat.0.png", "cat.1.png", "dog.0.png", "dogfish.0.png"} {
		plain(t, filepath.Join(dir, n), color.White, 2, 2)
	}
	src, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := column32(t, src.Train, LabelColumn); !slices.Equal(src.Transform.Classes, []string{"cat", "dog", "dogfish"}) || !slices.Equal(got, []int32{0, 0, 1, 2}) {
		t.Errorf("classes %q, labels %v", src.Transform.Classes, got)
	}
}
