package data

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"path/filepath"
	"strings"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// testPrefix begins the names of tensors that hold test samples.
const testPrefix = "test."

// isTensors reports whether a file holds tensors, each of them a column.
func isTensors(path string) bool { return filepath.Ext(path) == ".safetensors" }

// openTensors reads a safetensors file as a data set: a tensor is a column, its
// first axis counts samples. Names that begin with "test." are the test set's;
// without any, a share of the samples is. Whole numbers of one axis, from 0 and
// small, count as class indices.
func openTensors(path string, o *Options) (*Source, error) {
	if o.Scale != "" && o.Scale != "none" {
		return nil, bad(path, "tensors are taken as they are: scale %s is for images and tables", o.Scale)
	}
	training, tests, err := tensorSets(path)
	if err != nil {
		return nil, err
	}
	t := &Transform{Tensors: true, TestShare: o.TestShare, SplitSeed: o.SplitSeed}
	switch {
	case tests != nil:
		t.TestShare = 0
	case o.TestFile != "":
		if tests, _, err = tensorSets(o.TestFile); err != nil {
			return nil, err
		}
	default:
		training, tests = t.split(training)
	}
	return &Source{Train: training, Tests: tests, Transform: t}, nil
}

// openTensors reads a file as openTensors did when the model was trained; whole
// asks for all samples as tests.
func (t *Transform) openTensors(path string, whole bool) (*Source, error) {
	training, tests, err := tensorSets(path)
	switch {
	case err != nil:
		return nil, err
	case tests == nil && !whole:
		training, tests = t.split(training)
	}
	return &Source{Train: training, Tests: tests, Transform: t}, nil
}

// split takes a share of the samples out, by a hash of their numbers.
func (t *Transform) split(s *Set) (training, tests *Set) {
	var parts [2][]int
	for i := range s.Len() {
		var key [16]byte
		binary.LittleEndian.PutUint64(key[:], t.SplitSeed)
		binary.LittleEndian.PutUint64(key[8:], uint64(i))
		h := sha256.Sum256(key[:])
		part := 0
		if math.Ldexp(float64(binary.LittleEndian.Uint64(h[:])>>11), -53) < t.TestShare {
			part = 1
		}
		parts[part] = append(parts[part], i)
	}
	if len(parts[1]) == 0 {
		return s, nil
	}
	return s.Select(parts[0]), s.Select(parts[1])
}

// tensorSets reads the columns of a file; a set is nil when it has none.
func tensorSets(path string) (training, tests *Set, err error) {
	r, err := openFile(path)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	f, err := mlrt.ReadFile(r)
	if err != nil {
		return nil, nil, bad(path, "%v", err)
	}
	var columns [2][]Column
	var values [2][]any
	for i := range f.Len() {
		t := f.Tensor(i)
		part := 0
		if strings.HasPrefix(t.Name, testPrefix) {
			part = 1
		}
		if len(t.Shape) == 0 {
			return nil, nil, bad(path, "tensor %q has no axis of samples", t.Name)
		}
		c := Column{Name: strings.TrimPrefix(t.Name, testPrefix), Shape: t.Shape[1:]}
		v, err := readTensor(f, i, path, &c)
		if err != nil {
			return nil, nil, err
		}
		columns[part], values[part] = append(columns[part], c), append(values[part], v)
	}
	var sets [2]*Set
	for part, name := range []string{path, path + " (test)"} {
		if len(columns[part]) == 0 {
			continue
		}
		if sets[part], err = NewSet(name, columns[part], values[part]); err != nil {
			return nil, nil, err
		}
	}
	if sets[0] == nil && sets[1] == nil {
		return nil, nil, bad(path, "no tensors")
	}
	return sets[0], sets[1], nil
}

// readTensor reads a tensor in one of the forms that a set keeps, and says in c
// what it is.
func readTensor(f *mlrt.File, i int, path string, c *Column) (any, error) {
	t := f.Tensor(i)
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	switch t.DType {
	case mlrt.Float64, mlrt.Uint8, mlrt.Int32:
		c.DType = t.DType
	case mlrt.Float32, mlrt.Float16, mlrt.BFloat16:
		c.DType = mlrt.Float32
	case mlrt.Int64:
		wide, v := make([]int64, n), make([]int32, n)
		if err := f.Read(i, wide); err != nil {
			return nil, bad(path, "%v", err)
		}
		for k, x := range wide {
			if v[k] = int32(x); int64(v[k]) != x {
				return nil, bad(path, "tensor %q: %d is larger than 32 bits hold", t.Name, x)
			}
		}
		c.DType = mlrt.Int32
		c.Classes = classesOf(c, v)
		return v, nil
	case mlrt.Bool:
		flags, v := make([]bool, n), make([]uint8, n)
		if err := f.Read(i, flags); err != nil {
			return nil, bad(path, "%v", err)
		}
		for k, x := range flags {
			if x {
				v[k] = 1
			}
		}
		c.DType = mlrt.Uint8
		return v, nil
	default:
		return nil, bad(path, "tensor %q is %s; a column is float64, float32, float16, bfloat16, int64, int32, uint8 or bool", t.Name, t.DType)
	}
	v := c.DType.Make(n)
	if err := f.Read(i, v); err != nil {
		return nil, bad(path, "%v", err)
	}
	switch v := v.(type) {
	case []int32:
		c.Classes = classesOf(c, v)
	case []uint8:
		c.Classes = classesOf(c, v)
	}
	return v, nil
}

// classesOf returns the number of classes when a column's values look like class
// indices, 0 otherwise.
func classesOf[T uint8 | int32](c *Column, v []T) int {
	if len(c.Shape) > 0 || len(v) == 0 {
		return 0
	}
	most := int32(0)
	for _, x := range v {
		if int32(x) < 0 || int32(x) >= maxClasses {
			return 0
		}
		most = max(most, int32(x))
	}
	return int(most) + 1
}
