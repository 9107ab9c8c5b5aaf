package data

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"os"
	"slices"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// The columns of recordings: log-mel frames, of which lengths are no padding,
// and the class's name letter by letter, for a model that spells what it hears.
const (
	FrameColumn       = "frames"
	SpellingColumn    = "targets"
	SpellingLengthCol = "target_lengths"
)

const (
	defaultMels = 40
	maxRate     = 192000
)

// Audio says how recordings become frames: 25 ms of sound every 10 ms, as the
// logarithms of its energy in Mels bands.
type Audio struct {
	Rate    int      `json:"rate"` // samples a second
	Mels    int      `json:"mels"`
	Frames  int      `json:"frames"`  // of the longest training recording
	Letters []string `json:"letters"` // of the classes' names; letter i is target i+1, 0 stays free
}

// fitAudio finds out the rate, the longest recording and the letters.
func (t *Transform) fitAudio(files []classFile, o *Options) error {
	t.Audio = &Audio{Mels: cmp.Or(o.Mels, defaultMels)}
	for _, f := range files {
		rate, samples, err := readWAVFile(f.path)
		if err != nil {
			return err
		}
		if t.Audio.Rate == 0 {
			t.Audio.Rate = rate
		}
		if rate != t.Audio.Rate {
			return bad(f.path, "%d samples a second, the recordings before have %d", rate, t.Audio.Rate)
		}
		t.Audio.Frames = max(t.Audio.Frames, t.Audio.frames(len(samples)))
	}
	seen := map[string]bool{}
	for _, class := range t.Classes {
		for _, c := range class {
			seen[string(c)] = true
		}
	}
	for c := range seen {
		t.Audio.Letters = append(t.Audio.Letters, c)
	}
	slices.Sort(t.Audio.Letters)
	return nil
}

func (a *Audio) window() int { return max(1, a.Rate/40) }
func (a *Audio) hop() int    { return max(1, a.Rate/100) }

// frames returns the number of frames of n samples, at least one.
func (a *Audio) frames(n int) int { return 1 + max(0, n-a.window())/a.hop() }

// recordings reads the frames of files, and their classes.
func (t *Transform) recordings(dir string, files []classFile) (*Set, error) {
	a := t.Audio
	size := a.Frames * a.Mels
	if int64(len(files)) > maxFile/4/int64(size) {
		return nil, bad(dir, "%d recordings of %d frames exceed the limit of %d bytes", len(files), a.Frames, int64(maxFile))
	}
	values, lengths := make([]float32, len(files)*size), make([]int32, len(files))
	bands := a.bands()
	for i, f := range files {
		rate, samples, err := readWAVFile(f.path)
		if err != nil {
			return nil, err
		}
		if rate != a.Rate {
			return nil, bad(f.path, "%d samples a second, the training recordings have %d", rate, a.Rate)
		}
		lengths[i] = int32(a.logMel(values[i*size:(i+1)*size], samples, bands))
	}
	columns := []Column{
		{Name: FrameColumn, DType: mlrt.Float32, Shape: []int{a.Frames, a.Mels}},
		{Name: LengthColumn, DType: mlrt.Int32},
	}
	if files[0].class < 0 { // of prediction
		return NewSet(dir, columns, []any{values, lengths})
	}
	label, classes := t.labels(files)
	spelt, letters := t.spellings(classes)
	return NewSet(dir, append(columns, label, spelt,
		Column{Name: SpellingLengthCol, DType: mlrt.Int32}), []any{values, lengths, classes, letters[0], letters[1]})
}

// Recordings makes a set of recordings for prediction.
func (t *Transform) Recordings(paths []string) (*Set, error) {
	if t.Audio == nil {
		return nil, bad(paths[0], "the model was trained on %s, not on recordings", t.kind())
	}
	files := make([]classFile, len(paths))
	for i, p := range paths {
		files[i] = classFile{path: p, class: -1}
	}
	return t.recordings("recordings", files)
}

// spellings returns the letters of the classes' names, padded with 0, and how
// many there are.
func (t *Transform) spellings(classes []int32) (Column, [2][]int32) {
	longest := 1
	for _, name := range t.Classes {
		longest = max(longest, len([]rune(name)))
	}
	letters, lengths := make([]int32, len(classes)*longest), make([]int32, len(classes))
	for i, k := range classes {
		for j, c := range []rune(t.Classes[k]) {
			letters[i*longest+j] = int32(1 + slices.Index(t.Audio.Letters, string(c)))
			lengths[i]++
		}
	}
	return Column{Name: SpellingColumn, DType: mlrt.Int32, Shape: []int{longest}, Classes: len(t.Audio.Letters) + 1}, [2][]int32{letters, lengths}
}

// logMel writes the frames of samples into dst, shifted and scaled to mean 0 and
// variance 1 over the recording, and returns their number.
func (a *Audio) logMel(dst []float32, samples []float64, bands [][]float64) int {
	n := min(a.frames(len(samples)), a.Frames)
	width := 1
	for width < a.window() {
		width *= 2
	}
	re, im := make([]float64, width), make([]float64, width)
	logs := make([]float64, n*a.Mels)
	for f := range n {
		clear(re)
		clear(im)
		for i := range a.window() {
			if at := f*a.hop() + i; at < len(samples) {
				hann := 0.5 - float64(0.5*mlrt.Cos64(2*math.Pi*float64(i)/float64(a.window())))
				re[i] = samples[at] * hann
			}
		}
		fft(re, im)
		for m, band := range bands {
			energy := 0.0
			for k, weight := range band {
				if weight != 0 {
					energy += float64(weight * (float64(re[k]*re[k]) + float64(im[k]*im[k])))
				}
			}
			logs[f*a.Mels+m] = mlrt.Log64(max(energy, 1e-10))
		}
	}
	mean, variance := 0.0, 0.0
	for _, v := range logs {
		mean += v / float64(len(logs))
	}
	for _, v := range logs {
		variance += float64((v-mean)*(v-mean)) / float64(len(logs))
	}
	std := math.Sqrt(max(variance, 1e-10))
	for i, v := range logs {
		dst[i] = float32((v - mean) / std)
	}
	return n
}

// bands returns the weights of the spectrum's lines in each band: triangles whose
// corners are equally far apart on the mel scale (HTK's formula).
func (a *Audio) bands() [][]float64 {
	width := 1
	for width < a.window() {
		width *= 2
	}
	top := mel(float64(a.Rate) / 2)
	corner := func(i int) float64 {
		m := top * float64(i) / float64(a.Mels+1)
		return 700 * (mlrt.Exp64(m/1127) - 1)
	}
	list := make([][]float64, a.Mels)
	for b := range list {
		list[b] = make([]float64, width/2+1)
		left, middle, right := corner(b), corner(b+1), corner(b+2)
		for k := range list[b] {
			f := float64(k) * float64(a.Rate) / float64(width)
			list[b][k] = max(0, min((f-left)/(middle-left), (right-f)/(right-middle)))
		}
	}
	return list
}

func mel(frequency float64) float64 { return 1127 * mlrt.Log64(1+frequency/700) }

// fft transforms re and im in place; their length is a power of two. Products are
// rounded before they are added, so that no machine fuses them.
func fft(re, im []float64) {
	n := len(re)
	for i, j := 1, 0; i < n; i++ {
		bit := n >> 1
		for ; j&bit != 0; bit >>= 1 {
			j ^= bit
		}
		if j ^= bit; i < j {
			re[i], re[j], im[i], im[j] = re[j], re[i], im[j], im[i]
		}
	}
	for size := 2; size <= n; size *= 2 {
		half := size / 2
		for k := range half {
			angle := -2 * math.Pi * float64(k) / float64(size)
			c, s := mlrt.Cos64(angle), mlrt.Sin64(angle)
			for i := k; i < n; i += size {
				j := i + half
				x, y := float64(re[j]*c)-float64(im[j]*s), float64(re[j]*s)+float64(im[j]*c)
				re[j], im[j] = re[i]-x, im[i]-y
				re[i], im[i] = re[i]+x, im[i]+y
			}
		}
	}
}

func readWAVFile(path string) (rate int, samples []float64, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, nil, err
	}
	return ReadWAV(text, path)
}

// ReadWAV reads a WAV file of 16-bit integers: its rate and its samples from -1
// to 1, averaged over the channels. name stands in messages.
func ReadWAV(text []byte, name string) (rate int, samples []float64, err error) {
	if len(text) < 12 || !bytes.HasPrefix(text, []byte("RIFF")) || string(text[8:12]) != "WAVE" {
		return 0, nil, bad(name, "not a WAV file")
	}
	channels := 0
	for rest := text[12:]; len(rest) >= 8; {
		id, size := string(rest[:4]), uint64(binary.LittleEndian.Uint32(rest[4:]))
		rest = rest[8:]
		if size > uint64(len(rest)) {
			return 0, nil, bad(name, "file ends in its part %q: %d of %d bytes", id, len(rest), size)
		}
		part := rest[:size]
		rest = rest[min(size+size&1, uint64(len(rest))):]
		switch {
		case id == "fmt " && size >= 16:
			format, bits := binary.LittleEndian.Uint16(part), binary.LittleEndian.Uint16(part[14:])
			channels, rate = int(binary.LittleEndian.Uint16(part[2:])), int(binary.LittleEndian.Uint32(part[4:]))
			if format != 1 && format != 0xfffe || bits != 16 || channels < 1 || rate < 100 || rate > maxRate {
				return 0, nil, bad(name, "format %d, %d bits, %d channels, %d samples a second: only 16-bit integers are read", format, bits, channels, rate)
			}
		case id == "data" && channels > 0:
			for i := 0; i+2*channels <= len(part); i += 2 * channels {
				sum := 0.0
				for c := range channels {
					sum += float64(int16(binary.LittleEndian.Uint16(part[i+2*c:])))
				}
				samples = append(samples, sum/(32768*float64(channels)))
			}
			if len(samples) == 0 {
				return 0, nil, bad(name, "no samples")
			}
			return rate, samples, nil
		}
	}
	return 0, nil, bad(name, "no part \"fmt \" before a part \"data\"")
}
