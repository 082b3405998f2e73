package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const side = 5

// idx is an IDX file: magic number, sizes, bytes.
func idx(magic uint32, sizes []uint32, data []byte) []byte {
	var b bytes.Buffer
	binary.Write(&b, binary.BigEndian, append([]uint32{magic}, sizes...))
	b.Write(data)
	return b.Bytes()
}

func zip(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(data)
	z.Close()
	return b.Bytes()
}

// glyphs are n images of side x side pixels: digit d lights two pixels of its own.
func glyphs(n int) (images, labels []byte) {
	for i := range n {
		image, digit := make([]byte, side*side), i%classes
		image[2*digit], image[2*digit+1] = 255, byte(100+i%100)
		images, labels = append(images, image...), append(labels, byte(digit))
	}
	return images, labels
}

// inputs are the four files of a small set.
func inputs() map[string][]byte {
	files := map[string][]byte{}
	for name, n := range map[string]int{"train": 400, "t10k": 100} {
		images, labels := glyphs(n)
		files[name+"-images-idx3-ubyte.gz"] = zip(idx(imagesMagic, []uint32{uint32(n), side, side}, images))
		files[name+"-labels-idx1-ubyte.gz"] = zip(idx(labelsMagic, []uint32{uint32(n)}, labels))
	}
	return files
}

func folder(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func train(t *testing.T, ctx context.Context, epochs int) (out, stdout string) {
	t.Helper()
	out = filepath.Join(t.TempDir(), "out")
	var b bytes.Buffer
	o := options{in: folder(t, inputs()), out: out, training: training{epochs: epochs, rate: 0.05, decay: 0.9, seed: 7}}
	if err := run(ctx, o, &b); err != nil {
		t.Fatal(err)
	}
	return out, b.String()
}

func TestRun_LearnsAndWritesFourResults(t *testing.T) {
	out, stdout := train(t, t.Context(), 5)

	var model struct {
		Accuracy float64
		Pixels   int
		First    [][]float32
	}
	if err := json.Unmarshal(read(t, out, "model.json"), &model); err != nil {
		t.Fatal(err)
	}
	if model.Accuracy < 0.99 || model.Pixels != side*side || len(model.First) != side*side {
		t.Errorf("model has accuracy %v, %d pixels and %d rows of weights", model.Accuracy, model.Pixels, len(model.First))
	}
	if rows := strings.Split(strings.TrimSpace(string(read(t, out, "metrics.csv"))), "\n"); len(rows) != 6 || !strings.HasPrefix(rows[5], "5,") {
		t.Errorf("metrics.csv:\n%s", strings.Join(rows, "\n"))
	}
	for _, name := range []string{"learning-curve.svg", "confusion.svg"} {
		wellFormed(t, read(t, out, name))
	}
	for _, line := range []string{"::progress 1 5 epoch 1 of 5", "::progress 5 5 epoch 5 of 5", "::metric loss 0.", "::metric accuracy 1.00000 5\n"} {
		if !strings.Contains(stdout, line) {
			t.Errorf("stdout has no %q:\n%s", line, stdout)
		}
	}
}

func TestRun_SameSeedSameBytes(t *testing.T) {
	first, _ := train(t, t.Context(), 2)
	second, _ := train(t, t.Context(), 2)
	for _, name := range []string{"model.json", "metrics.csv", "learning-curve.svg", "confusion.svg"} {
		if !bytes.Equal(read(t, first, name), read(t, second, name)) {
			t.Errorf("%s differs between two runs", name)
		}
	}
}

func TestRun_InterruptKeepsTheResults(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	out, stdout := train(t, ctx, 5)
	if strings.Count(stdout, "::progress") != 1 {
		t.Errorf("an interrupted training goes on:\n%s", stdout)
	}
	read(t, out, "model.json")
}

func TestLoad_RefusesBadFiles(t *testing.T) {
	images, labels := glyphs(400)
	whole := inputs()["train-images-idx3-ubyte.gz"]
	const imagesName, labelsName = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"
	sizes := []uint32{400, side, side}
	cases := []struct {
		name, file string
		data       []byte // nil: the file is missing
		code       int
		says       string
	}{
		{"missing", labelsName, nil, exitMissing, "is not among the inputs"},
		{"empty", imagesName, []byte{}, exitDamaged, "not gzip"},
		{"not gzip", imagesName, []byte("hello, this is text"), exitDamaged, "not gzip"},
		{"truncated on the way", imagesName, whole[:len(whole)/2], exitDamaged, "ends too early"},
		{"wrong checksum", imagesName, flip(whole, len(whole)-6), exitDamaged, "checksum"},
		{"labels for images", imagesName, zip(idx(labelsMagic, sizes, images)), exitDamaged, "begins with"},
		{"only a header", imagesName, zip(idx(imagesMagic, sizes[:1], nil)), exitDamaged, "ends too early"},
		{"fewer images than it says", imagesName, zip(idx(imagesMagic, sizes, images[:len(images)-1])), exitDamaged, "ends after 9999 of 10000 bytes"},
		{"more than it says", imagesName, zip(idx(imagesMagic, sizes, append(images, 0))), exitDamaged, "more bytes"},
		{"no images", imagesName, zip(idx(imagesMagic, []uint32{0, side, side}, nil)), exitDamaged, "out of bounds"},
		{"claims 4 G images", imagesName, zip(idx(imagesMagic, []uint32{1<<32 - 1, side, side}, images)), exitDamaged, "out of bounds"},
		{"huge images", imagesName, zip(idx(imagesMagic, []uint32{1, 1 << 20, 1}, images)), exitDamaged, "out of bounds"},
		{"a label that is no digit", labelsName, zip(idx(labelsMagic, []uint32{400}, flip(labels, 3))), exitDamaged, "not a digit"},
		{"other number of labels", labelsName, zip(idx(labelsMagic, []uint32{399}, labels[:399])), exitDamaged, "400 images and 399 labels"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			files := inputs()
			if files[c.file] = c.data; c.data == nil {
				delete(files, c.file)
			}
			_, err := load(folder(t, files), "train")
			if err == nil || exitCode(err) != c.code || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v (exit %d), want %q (exit %d)", err, exitCode(err), c.says, c.code)
			}
			if err != nil && !strings.Contains(err.Error(), "train") {
				t.Errorf("%q does not name the file", err)
			}
		})
	}
}

func TestRun_SetsOfDifferentSizeAreDamaged(t *testing.T) {
	files := inputs()
	files["t10k-images-idx3-ubyte.gz"] = zip(idx(imagesMagic, []uint32{100, 2, 2}, make([]byte, 400)))
	err := run(t.Context(), options{in: folder(t, files), out: t.TempDir(), training: training{epochs: 1}}, io.Discard)
	if exitCode(err) != exitDamaged {
		t.Errorf("error %v, want exit %d", err, exitDamaged)
	}
}

func TestRun_UnwritableFolderIsAnIOError(t *testing.T) {
	in := folder(t, inputs())
	err := run(t.Context(), options{in: in, out: filepath.Join(in, "train-labels-idx1-ubyte.gz"), training: training{epochs: 1}}, io.Discard)
	if err == nil || exitCode(err) != exitWrite {
		t.Errorf("error %v, want exit %d", err, exitWrite)
	}
}

func TestParse_SaysWhatIsWrong(t *testing.T) {
	t.Setenv("MOOT_IN", "in")
	t.Setenv("MOOT_OUT", "")
	for says, args := range map[string][]string{
		"-in and -out":        {},
		"unexpected argument": {"-out", "o", "more"},
		"1 to 1000":           {"-out", "o", "-epochs", "0"},
		"not defined":         {"-layers", "3"},
	} {
		var stderr bytes.Buffer
		if _, err := parse(args, &stderr); err == nil || !strings.Contains(stderr.String(), says) {
			t.Errorf("%q: error %v, stderr %q, want %q", args, err, stderr.String(), says)
		}
	}
	if o, err := parse([]string{"-out", "o"}, io.Discard); err != nil || o.in != "in" || o.out != "o" {
		t.Errorf("in %q, out %q, error %v", o.in, o.out, err)
	}
}

// FuzzReadImages: whatever the bytes, an answer that fits its sizes or an error.
func FuzzReadImages(f *testing.F) {
	images, _ := glyphs(3)
	f.Add(idx(imagesMagic, []uint32{3, side, side}, images))
	f.Add(idx(imagesMagic, []uint32{1 << 17, 60, 60}, images))
	f.Fuzz(func(t *testing.T, data []byte) {
		images, pixels, err := readImages(bytes.NewReader(data))
		if err == nil && (pixels < 1 || pixels > maxSide*maxSide || len(images)%pixels != 0 || len(images) == 0 || len(images) > len(data)) {
			t.Errorf("%d bytes of images of %d pixels from %d bytes", len(images), pixels, len(data))
		}
	})
}

// FuzzUnpackLabels goes through gzip too.
func FuzzUnpackLabels(f *testing.F) {
	_, labels := glyphs(30)
	f.Add(zip(idx(labelsMagic, []uint32{30}, labels)))
	f.Fuzz(func(t *testing.T, data []byte) {
		var labels []byte
		err := unpack(bytes.NewReader(data), func(r io.Reader) (err error) {
			labels, err = readLabels(r)
			return err
		})
		if err == nil && (len(labels) == 0 || slices.Max(labels) >= classes) {
			t.Errorf("labels %v accepted", labels)
		}
	})
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func wellFormed(t *testing.T, svg []byte) {
	t.Helper()
	elements := map[string]int{}
	for dec := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		if e, ok := token.(xml.StartElement); ok {
			elements[e.Name.Local]++
		}
	}
	if elements["title"] != 1 || elements["text"] < 10 {
		t.Errorf("a drawing of %v", slices.Sorted(maps.Keys(elements)))
	}
	if bytes.Contains(svg, []byte("NaN")) || bytes.Contains(svg, []byte("Inf")) {
		t.Error("a coordinate is not a number")
	}
}

func flip(data []byte, at int) []byte {
	data = bytes.Clone(data)
	data[at] ^= 0x55
	return data
}
