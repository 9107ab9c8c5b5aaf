package data

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"slices"
	"testing"
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
	got, err := DecodeImage(text, []int{3, 2, 2}, false)
	if want := []byte{255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255}; err != nil || !slices.Equal(got, want) {
		t.Errorf("channels %v, %v, want %v", got, err, want)
	}
	// Rec. 601 luma of the four colours.
	grey, err := DecodeImage(text, []int{1, 2, 2}, false)
	if want := []byte{76, 150, 29, 255}; err != nil || !slices.Equal(grey, want) {
		t.Errorf("grey %v, %v, want %v", grey, err, want)
	}
	inverted, err := DecodeImage(text, []int{1, 2, 2}, true)
	if want := []byte{179, 105, 226, 0}; err != nil || !slices.Equal(inverted, want) {
		t.Errorf("inverted %v, %v, want %v", inverted, err, want)
	}
	larger, err := DecodeImage(text, []int{1, 8, 8}, false)
	if err != nil || len(larger) != 64 || larger[0] != 76 || larger[63] != 255 {
		t.Errorf("enlarged %v, %v", larger, err)
	}
	if _, err := DecodeImage(text[:20], []int{1, 2, 2}, false); err == nil {
		t.Error("a truncated image was accepted")
	}
}
