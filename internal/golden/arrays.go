package golden

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mlc-go/mlc/internal/lab"
	mlrt "github.com/mlc-go/mlc/runtime"
)

// Values is one array of a case in memory.
type Values = lab.Values

// part finds the array that a fragment names, NAME or NAME#i/n.
func part(arrays map[string]Values, ref string) (Values, error) {
	name, which, cut := strings.Cut(ref, "#")
	v, ok := arrays[name]
	if !ok {
		return v, fmt.Errorf("the case has no array %s", name)
	}
	if !cut {
		return v, nil
	}
	var i, n int
	if _, err := fmt.Sscanf(which, "%d/%d", &i, &n); err != nil {
		return v, fmt.Errorf("array %s: %w", ref, err)
	}
	each := len(v.Data) / n
	shape := slices.Clone(v.Shape)
	shape[0] /= n
	return Values{Shape: shape, Data: v.Data[i*each : (i+1)*each]}, nil
}

// Read loads all arrays of a case from the folder that holds the manifest.
func (c *Case) Read(dir string) (map[string]Values, error) {
	r, err := os.Open(filepath.Join(dir, filepath.FromSlash(c.File)))
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // only read
	f, err := mlrt.ReadFile(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.File, err)
	}
	out := map[string]Values{}
	for i := range f.Len() {
		t := f.Tensor(i)
		n := 1
		for _, d := range t.Shape {
			n *= d
		}
		data, err := readFloats(f, i, t.DType, n)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.File, err)
		}
		out[t.Name] = Values{Shape: t.Shape, Data: data}
	}
	return out, nil
}

func readFloats(f *mlrt.File, i int, t mlrt.DType, n int) ([]float64, error) {
	out := make([]float64, n)
	switch t {
	case mlrt.Float32, mlrt.Float64:
		return out, f.Read(i, out)
	case mlrt.Int64:
		raw := make([]int64, n)
		err := f.Read(i, raw)
		for k, x := range raw {
			out[k] = float64(x)
		}
		return out, err
	case mlrt.Bool:
		raw := make([]bool, n)
		err := f.Read(i, raw)
		for k, x := range raw {
			if x {
				out[k] = 1
			}
		}
		return out, err
	}
	return nil, fmt.Errorf("array of %v", t)
}
