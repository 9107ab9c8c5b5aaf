package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/data"
	mlrt "github.com/mlc-go/mlc/runtime"
)

// bars returns images of one bright bar each: its place is the class.
func bars(t *testing.T, n int) *data.Set {
	t.Helper()
	images, labels := make([]uint8, n*pixels), make([]uint8, n)
	for i := range n {
		k := i % classes
		labels[i] = uint8(k)
		for j := range 28 {
			images[i*pixels+j*28+2*k+3] = uint8(200 + i%50)
		}
	}
	set, err := data.NewSet("bars", []data.Column{
		{Name: data.ImageColumn, DType: mlrt.Uint8, Shape: []int{28, 28}},
		{Name: data.LabelColumn, DType: mlrt.Uint8, Classes: classes},
	}, []any{images, labels})
	if err != nil {
		t.Fatal(err)
	}
	set, err = set.Scale(data.Scaling{Column: data.ImageColumn, Divide: 255})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestLearnAndAnswer trains a few steps, saves, loads and predicts.
func TestLearnAndAnswer(t *testing.T) {
	const epochs = 30
	set, weights := bars(t, 300), filepath.Join(t.TempDir(), "run", "digits.safetensors")
	var out bytes.Buffer
	if err := learn(context.Background(), &out, weights, set, epochs); err != nil {
		t.Fatal(err)
	}
	var first, last float64
	if _, err := fmt.Sscanf(out.String(), "epoch 1: loss %f", &first); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if _, err := fmt.Sscanf(lines[len(lines)-1], fmt.Sprintf("epoch %d: loss %%f", epochs), &last); err != nil {
		t.Fatal(err)
	}
	if last > first/2 {
		t.Errorf("the loss went from %v to %v", first, last)
	}
	out.Reset()
	if err := answer(&out, weights, set, 10); err != nil {
		t.Fatal(err)
	}
	for k := range classes {
		if want := fmt.Sprintf("image %d: I see a %d, it is a %d\n", k, k, k); !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing from\n%s", want, out.String())
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := learn(ctx, &bytes.Buffer{}, filepath.Join(t.TempDir(), "w"), bars(t, 20), 1)
	if err != context.Canceled {
		t.Errorf("error %v", err)
	}
}
