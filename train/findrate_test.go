package train

import (
	"context"
	"math"
	"slices"
	"testing"
)

// TestFindRate: the scale lies between where the loss stands still and where it
// diverges, and the trainer is as it was.
func TestFindRate(t *testing.T) {
	f := newFake(6, 4)
	if _, err := Run(context.Background(), f, trainPoints, nil, Options{Epochs: 1, Batch: 20}); err != nil {
		t.Fatal(err)
	}
	before, steps := weights(f), f.steps
	found, err := FindRate(context.Background(), f, trainPoints, RateOptions{Batch: 20, Steps: 80, From: 1e-4, To: 1e4})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(weights(f), before) || f.steps != steps || f.scale != 1 || f.hits != 0 {
		t.Error("the trainer has changed")
	}
	n := len(found.Points)
	if n < 10 || found.Points[0].Scale != 1e-4 {
		t.Fatalf("%d points, the first %v", n, found.Points[0])
	}
	// The loss of a linear model with rate 0.1 diverges long before 1e4 times that.
	if n == 80 {
		t.Errorf("the search did not stop when the loss diverged: %+v", found.Points[n-1])
	}
	if last := found.Points[n-1].Scale; found.Scale <= 1e-3 || found.Scale >= last {
		t.Errorf("suggested %v, diverged at %v", found.Scale, last)
	}
	for i, p := range found.Points[1:] {
		if ratio := float64(p.Scale / found.Points[i].Scale); math.Abs(ratio-math.Pow(1e8, 1.0/79)) > 1e-9 {
			t.Fatalf("point %d: the scale grew by %v", i+1, ratio)
		}
	}
	flat := []RatePoint{{1, 2}, {2, 2}, {4, 3}}
	if s := steepest(flat); s != 0 {
		t.Errorf("a loss that never falls: %v", s)
	}
	if s := steepest([]RatePoint{{1, 5}, {2, 4.5}, {4, 2}, {8, 1.9}, {16, 9}}); s != 2 {
		// Differences over two steps: -3 at 2, -2.6 at 4, 7 at 8.
		t.Errorf("steepest at %v, want 2", s)
	}
}
