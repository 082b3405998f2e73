package transfer

import (
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkTransfer sends a file of 64 MiB over a link, hashed at both ends and synced.
func BenchmarkTransfer(b *testing.B) {
	const size = 64 << 20
	near, far := linked(b)
	path := filepath.Join(b.TempDir(), "f")
	must(b, os.WriteFile(path, make([]byte, size), 0o644))
	b.SetBytes(size)
	for b.Loop() {
		root, err := os.OpenRoot(b.TempDir())
		must(b, err)
		done := make(chan error)
		go func() {
			_, err := Receive(b.Context(), far.Bulk(), root, Options{}, nil)
			done <- err
		}()
		_, err = Send(b.Context(), near.Bulk(), []Source{{Name: "f", Path: path}}, nil)
		must(b, err)
		must(b, <-done)
		must(b, root.Close())
	}
}
