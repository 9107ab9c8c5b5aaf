package data

import (
	"math"
	"testing"

	"github.com/mlc-go/mlc/internal/refdata"
)

// TestStandardiseChannels compares MNIST's mean and deviation over all pixels
// with the figures that PyTorch's example uses, 0.1307 and 0.3081.
func TestStandardiseChannels(t *testing.T) {
	s, err := Open(refdata.Path(t, "mnist"), Options{Scale: "channels"})
	if err != nil {
		t.Fatal(err)
	}
	p := s.Transform.Scalings[0]
	if len(p.Mean) != 1 || math.Abs(p.Mean[0]-0.1307) > 5e-5 || math.Abs(p.Std[0]-0.3081) > 5e-5 {
		t.Errorf("mean %v, deviation %v; want 0.1307 and 0.3081", p.Mean, p.Std)
	}
}
