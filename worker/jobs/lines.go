package jobs

import (
	"bytes"
	"unicode/utf8"
)

// Sizes of output lines, bytes. A piece must fit a frame even if JSON escapes
// every byte of it with six.
const (
	maxPiece = 8 << 10
	maxLine  = 64 << 10
)

// A piece is a line of output, or a part of a long one.
type piece struct {
	text    string
	more    bool // the line goes on
	redraw  bool // it ended in a carriage return: the next line writes over it
	dropped int  // bytes of this line beyond maxLine, which are gone
}

// A splitter cuts a stream of bytes into lines. It ends a line at LF, at CR LF,
// and at a CR alone, with which programs redraw their progress.
type splitter struct {
	buf     []byte
	size    int // bytes of the present line that were let through before buf
	dropped int
	cr      bool // a CR came, and it is not known yet what follows
}

// feed consumes data and calls emit for each piece that it completes.
func (s *splitter) feed(data []byte, emit func(piece)) {
	for len(data) > 0 {
		if s.cr {
			s.cr = false
			crlf := data[0] == '\n'
			s.end(!crlf, emit)
			if crlf {
				data = data[1:]
			}
			continue
		}
		i := bytes.IndexAny(data, "\n\r")
		if i < 0 {
			s.add(data, emit)
			return
		}
		s.add(data[:i], emit)
		if data[i] == '\r' {
			s.cr = true
		} else {
			s.end(false, emit)
		}
		data = data[i+1:]
	}
}

// close ends the stream: a last line may lack its line break.
func (s *splitter) close(emit func(piece)) {
	if s.cr || len(s.buf) > 0 || s.size > 0 {
		s.end(false, emit)
	}
	*s = splitter{}
}

func (s *splitter) add(data []byte, emit func(piece)) {
	for len(data) > 0 {
		if s.size >= maxLine {
			s.dropped += len(data)
			return
		}
		n := min(len(data), maxPiece-len(s.buf))
		s.buf = append(s.buf, data[:n]...)
		data = data[n:]
		if len(s.buf) == maxPiece {
			s.flush(emit)
		}
	}
}

// flush lets a full piece of an unfinished line go, up to its last whole
// character.
func (s *splitter) flush(emit func(piece)) {
	n := len(s.buf)
	for back := 1; back < utf8.UTFMax; back++ {
		if c := s.buf[len(s.buf)-back]; utf8.RuneStart(c) {
			if !utf8.FullRune(s.buf[len(s.buf)-back:]) {
				n -= back
			}
			break
		}
	}
	emit(piece{text: string(s.buf[:n]), more: true})
	s.size += n
	s.buf = append(s.buf[:0], s.buf[n:]...)
}

func (s *splitter) end(redraw bool, emit func(piece)) {
	emit(piece{text: string(s.buf), redraw: redraw, dropped: s.dropped})
	s.buf, s.size, s.dropped = s.buf[:0], 0, 0
}
