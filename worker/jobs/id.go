package jobs

import (
	"crypto/rand"
	"encoding/base32"
	"regexp"
	"strings"
)

var idPattern = regexp.MustCompile(`^j-[a-z2-7]{8}$`)

// newID makes a job's id: "j-" and 40 random bits.
func newID() string {
	var b [5]byte
	rand.Read(b[:])
	return "j-" + strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}
