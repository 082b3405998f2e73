package transfer

import (
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/moothall/moothall/events"
)

// Bounds of a name, in bytes.
const (
	maxName = 1024
	maxPart = 255
)

// CheckName refuses a name that a receiver would not take: it must be relative, of
// parts between slashes, none of them empty, "." or "..", without backslashes and
// control characters, at most 1,024 bytes and 255 a part.
func CheckName(name string) error {
	refuse := func(why string) error {
		return events.Errorf(events.CodeInvalid, "file name %.80q is refused: %s", name, why)
	}
	switch {
	case name == "" || len(name) > maxName:
		return refuse("it must have 1 to 1024 bytes")
	case !utf8.ValidString(name):
		return refuse("it is not UTF-8")
	case strings.ContainsRune(name, '\\'):
		return refuse("it contains a backslash")
	case strings.ContainsFunc(name, unicode.IsControl):
		return refuse("it contains a control character")
	}
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case part == "":
			return refuse("it begins or ends with a slash, or has two together")
		case part == "." || part == "..":
			return refuse("it contains " + part)
		case len(part) > maxPart:
			return refuse("a part of it is over 255 bytes")
		}
	}
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return refuse("this system cannot have it")
	}
	return nil
}
