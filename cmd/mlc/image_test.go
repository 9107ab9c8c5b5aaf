package main

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"slices"
	"testing"

	mlrt "github.com/mlc-go/mlc/runtime"
)

func encodePNG(t *testing.T, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestDecodeImage(t *testing.T) {
	// Four quarters of 2x2 pixels: their means are known.
	img := image.NewRGBA(image.Rect(0, 0, 4, 4))
	colors := []color.RGBA{{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, {255, 255, 255, 255}}
	for y := range 4 {
		for x := range 4 {
			img.Set(x, y, colors[y/2*2+x/2])
		}
	}
	text := encodePNG(t, img)
	got, err := decodeImage(text, []int{3, 2, 2}, false)
	if want := []byte{255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255}; err != nil || !slices.Equal(got, want) {
		t.Errorf("channels %v, %v, want %v", got, err, want)
	}
	// Rec. 601 luma of the four colours.
	grey, err := decodeImage(text, []int{1, 2, 2}, false)
	if want := []byte{76, 150, 29, 255}; err != nil || !slices.Equal(grey, want) {
		t.Errorf("grey %v, %v, want %v", grey, err, want)
	}
	inverted, err := decodeImage(text, []int{1, 2, 2}, true)
	if want := []byte{179, 105, 226, 0}; err != nil || !slices.Equal(inverted, want) {
		t.Errorf("inverted %v, %v, want %v", inverted, err, want)
	}
	larger, err := decodeImage(text, []int{1, 8, 8}, false)
	if err != nil || len(larger) != 64 || larger[0] != 76 || larger[63] != 255 {
		t.Errorf("enlarged %v, %v", larger, err)
	}
	if _, err := decodeImage(text[:20], []int{1, 2, 2}, false); err == nil {
		t.Error("a truncated image was accepted")
	}
}

func TestImageShape(t *testing.T) {
	batch := mlrt.Dim{Name: "batch"}
	field := func(dims ...int) []mlrt.Field {
		f := mlrt.Field{DType: mlrt.Float32, Shape: []mlrt.Dim{batch}}
		for _, d := range dims {
			f.Shape = append(f.Shape, mlrt.Dim{Size: d})
		}
		return []mlrt.Field{f}
	}
	for _, c := range []struct {
		in   []mlrt.Field
		want []int
	}{
		{field(784), []int{1, 28, 28}}, {field(3, 32, 32), []int{3, 32, 32}}, {field(28, 28), []int{1, 28, 28}}, {field(13), nil}, {field(5, 8, 8), nil},
	} {
		got, ok := imageShape(c.in)
		if ok != (c.want != nil) || ok && !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, %v, want %v", c.in, got, ok, c.want)
		}
	}
}
