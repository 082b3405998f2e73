package main

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const classes = 10

// Bounds of an IDX file, checked before anything of its size is allocated.
const (
	maxItems = 200_000
	maxSide  = 64
)

// The first four bytes of an IDX file: unsigned bytes in three dimensions or one.
const (
	imagesMagic = 0x0803
	labelsMagic = 0x0801
)

// A dataset is images with their labels; image i is images[i*pixels:(i+1)*pixels].
type dataset struct {
	pixels int
	images []byte
	labels []byte
}

func (d dataset) image(i int) []byte { return d.images[i*d.pixels : (i+1)*d.pixels] }

// An inputError is the fault of a file that was handed in.
type inputError struct {
	code int
	text string
}

func (e *inputError) Error() string { return e.text }

func damaged(format string, args ...any) error {
	return &inputError{exitDamaged, fmt.Sprintf(format, args...)}
}

// load reads NAME-images-idx3-ubyte.gz and NAME-labels-idx1-ubyte.gz.
func load(dir, name string) (dataset, error) {
	var d dataset
	err := open(filepath.Join(dir, name+"-images-idx3-ubyte.gz"), func(r io.Reader) (err error) {
		d.images, d.pixels, err = readImages(r)
		return err
	})
	if err != nil {
		return dataset{}, err
	}
	err = open(filepath.Join(dir, name+"-labels-idx1-ubyte.gz"), func(r io.Reader) (err error) {
		d.labels, err = readLabels(r)
		return err
	})
	if err != nil {
		return dataset{}, err
	}
	if images := len(d.images) / d.pixels; images != len(d.labels) {
		return dataset{}, damaged("%s has %d images and %d labels", name, images, len(d.labels))
	}
	return d, nil
}

// open hands the unpacked contents of a gzipped file to read, and makes sure that
// read took all of it.
func open(path string, read func(io.Reader) error) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &inputError{exitMissing, fmt.Sprintf("%s is not among the inputs (%s)", filepath.Base(path), filepath.Dir(path))}
	}
	if err != nil {
		return &inputError{exitMissing, err.Error()}
	}
	defer f.Close()
	if err := unpack(f, read); err != nil {
		return damaged("%s: %v", filepath.Base(path), err)
	}
	return nil
}

func unpack(packed io.Reader, read func(io.Reader) error) error {
	z, err := gzip.NewReader(bufio.NewReader(packed))
	if err != nil {
		return fmt.Errorf("not gzip: %w", err)
	}
	if err := read(z); err != nil {
		return err
	}
	// Reading to the end also compares gzip's checksum.
	switch n, err := io.Copy(io.Discard, io.LimitReader(z, 1)); {
	case err != nil:
		return err
	case n > 0:
		return errors.New("more bytes than its header says")
	}
	return nil
}

func readImages(r io.Reader) (images []byte, pixels int, err error) {
	head, err := header(r, imagesMagic, 3)
	if err != nil {
		return nil, 0, err
	}
	count, rows, cols := head[0], head[1], head[2]
	if count < 1 || count > maxItems || rows < 1 || rows > maxSide || cols < 1 || cols > maxSide {
		return nil, 0, fmt.Errorf("%d images of %d x %d pixels are out of bounds", count, rows, cols)
	}
	images, err = body(r, count*rows*cols)
	return images, rows * cols, err
}

func readLabels(r io.Reader) ([]byte, error) {
	head, err := header(r, labelsMagic, 1)
	if err != nil {
		return nil, err
	}
	if head[0] < 1 || head[0] > maxItems {
		return nil, fmt.Errorf("%d labels are out of bounds", head[0])
	}
	labels, err := body(r, head[0])
	if err != nil {
		return nil, err
	}
	for i, l := range labels {
		if l >= classes {
			return nil, fmt.Errorf("label %d is %d, not a digit", i, l)
		}
	}
	return labels, nil
}

// header reads the magic number and the sizes of the dimensions.
func header(r io.Reader, magic uint32, dimensions int) ([]int, error) {
	words := make([]uint32, 1+dimensions)
	if err := binary.Read(r, binary.BigEndian, words); err != nil {
		return nil, short(err)
	}
	if words[0] != magic {
		return nil, fmt.Errorf("begins with %#08x, not %#08x", words[0], magic)
	}
	sizes := make([]int, dimensions)
	for i, w := range words[1:] {
		sizes[i] = int(w)
	}
	return sizes, nil
}

// body reads n bytes. Memory grows with what arrives, not with what is claimed.
func body(r io.Reader, n int) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err != nil {
		return nil, short(err)
	}
	if len(data) < n {
		return nil, fmt.Errorf("ends after %d of %d bytes", len(data), n)
	}
	return data, nil
}

func short(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("ends too early")
	}
	return err
}
