package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/moothall/moothall/events"
)

// Sum is the SHA-256, in hexadecimal, of salt and the next n bytes of r. It ends early,
// with ctx's error, when ctx ends; that r has fewer bytes is io.EOF.
func Sum(ctx context.Context, salt []byte, r io.Reader, n int64) (string, error) {
	digest := sha256.New()
	digest.Write(salt)
	if _, err := io.CopyN(digest, until{ctx, r}, n); err != nil {
		return "", err
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

// until reads until a context ends.
type until struct {
	ctx context.Context
	r   io.Reader
}

func (u until) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}

// Sum is that of the source's first n bytes. A source that has fewer is CodeFile.
func (s Source) Sum(ctx context.Context, salt []byte, n int64) (string, error) {
	f, err := s.open()
	if err != nil {
		return "", unreadable(s.Name, err)
	}
	defer f.Close()
	sum, err := Sum(ctx, salt, f, n)
	switch {
	case errors.Is(err, io.EOF):
		return "", events.Errorf(events.CodeFile, "%s changed while it was sent", s.Name).WithTry("again when nothing writes to it any more")
	case err != nil && ctx.Err() == nil:
		return "", unreadable(s.Name, fmt.Errorf("while it was hashed: %w", err))
	}
	return sum, err
}

// Look is a source's header as its manifest would have it, without a hash. A source that
// cannot be sent is an error.
func (s Source) Look() (events.FileHeader, error) {
	one, err := look([]Source{s})
	if err != nil {
		return events.FileHeader{}, err
	}
	return one[0].header, nil
}
