package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"path/filepath"
	"slices"

	mlrt "github.com/mlc-go/mlc/runtime"
	"github.com/mlc-go/mlc/train"
)

// imageShape returns channels, height and width of the model's image input: an
// input of three fixed axes after the batch, or of two, or a flat one whose size
// is a square.
func imageShape(inputs []mlrt.Field) ([]int, bool) {
	for _, in := range inputs {
		if in.DType != mlrt.Float32 && in.DType != mlrt.Uint8 || len(in.Shape) < 2 {
			continue
		}
		var dims []int
		for _, d := range in.Shape[1:] {
			if d.Name != "" {
				return nil, false
			}
			dims = append(dims, d.Size)
		}
		switch len(dims) {
		case 3:
			return dims, dims[0] == 1 || dims[0] == 3
		case 2:
			return []int{1, dims[0], dims[1]}, true
		case 1:
			side := int(math.Sqrt(float64(dims[0])))
			return []int{1, side, side}, side*side == dims[0]
		}
	}
	return nil, false
}

// outputPictures returns PNG files of the outputs of a sample that are images.
func outputPictures(dir string, e train.Predicted, outputs []mlrt.Field) (files []outFile) {
	for _, out := range outputs {
		shape, ok := imageShape([]mlrt.Field{out})
		values := e.Outputs[out.Name]
		if !ok || len(values) != shape[0]*shape[1]*shape[2] {
			continue
		}
		var b bytes.Buffer
		if png.Encode(&b, picture(values, shape)) == nil { // a buffer takes all
			files = append(files, outFile{filepath.Join(dir, fmt.Sprintf("%s-%03d.png", out.Name, e.Sample)), b.Bytes()})
		}
	}
	return files
}

// picture returns an image of values from 0 to 1, or from -1 to 1 when some are
// negative, by channel, row and column.
func picture(values []train.Number, shape []int) image.Image {
	low := 0.0
	if slices.Min(values) < 0 {
		low = -1
	}
	channels, h, w := shape[0], shape[1], shape[2]
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			var rgb [3]uint8
			for c := range rgb {
				v := (float64(values[(min(c, channels-1)*h+y)*w+x]) - low) / (1 - low)
				rgb[c] = uint8(math.Round(255 * max(0, min(1, v))))
			}
			img.Set(x, y, color.RGBA{rgb[0], rgb[1], rgb[2], 255})
		}
	}
	return img
}
