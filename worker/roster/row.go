package roster

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/moothall/moothall/events"
)

// Static is the part of a row that rarely changes.
type Static struct {
	Metadata events.Metadata `json:"metadata"`
	Commands []string        `json:"commands,omitempty"`
	Mounts   []string        `json:"mounts,omitempty"`
	Slots    int             `json:"slots"`
	Joined   events.Time     `json:"joined"`
}

// Dynamic is the part of a row that changes with every job. LastHeartbeat is a
// checkpoint for people; liveness is never judged by it.
type Dynamic struct {
	Status        events.Status `json:"status"`
	Job           string        `json:"job,omitempty"`
	Free          int           `json:"free"`
	LastHeartbeat events.Time   `json:"last_heartbeat"`
}

// A Row is what one worker says of itself. Key is its public nkey, certified by
// the hub. Seq is the seq of the newest scalar, StaticSeq that of the static one.
// Maps and slices in it are shared: do not change them.
type Row struct {
	events.Seat
	Key string
	Static
	Dynamic
	StaticSeq, Seq uint64
	Signed         events.SignedRow
}

// An age orders the rows of one peer.
type age struct{ incarnation, seq uint64 }

func (r Row) age() age { return age{r.Incarnation, r.Seq} }

func (a age) compare(b age) int {
	return cmp.Or(cmp.Compare(a.incarnation, b.incarnation), cmp.Compare(a.seq, b.seq))
}

// compareAge orders rows of one peer: incarnation first, then seq.
func (r Row) compareAge(s Row) int { return r.age().compare(s.age()) }

// clean is the form in which a static row is signed: no control characters (rows
// are shown on terminals, and encoders differ about them) and valid UTF-8.
func (s Static) clean() Static {
	m := s.Metadata
	m.Name = cleanText(m.Name)
	m.Properties.GPUModel = cleanText(m.Properties.GPUModel)
	m.Properties.Hostname = cleanText(m.Properties.Hostname)
	m.Tags = nil
	for _, k := range slices.Sorted(maps.Keys(s.Metadata.Tags)) {
		if m.Tags == nil {
			m.Tags = map[string]string{}
		}
		m.Tags[cleanText(k)] = cleanText(s.Metadata.Tags[k])
	}
	return Static{Metadata: m, Commands: cleanTexts(s.Commands), Mounts: cleanTexts(s.Mounts), Slots: s.Slots, Joined: s.Joined}
}

func cleanTexts(all []string) []string {
	var clean []string
	for _, s := range all {
		clean = append(clean, cleanText(s))
	}
	return clean
}

func (d Dynamic) clean() Dynamic {
	d.Job = cleanText(d.Job)
	return d
}

func cleanText(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r
	}, s)
}

func (s Static) validate() *Refusal {
	if err := s.Metadata.Validate(); err != nil {
		return refuse(WrongValue, "%v", err)
	}
	if s.Slots < 0 {
		return refuse(WrongValue, "%d slots", s.Slots)
	}
	return nil
}

func (d Dynamic) validate() *Refusal {
	if !d.Status.Valid() {
		return refuse(WrongValue, "status %q", d.Status)
	}
	if d.Free < 0 {
		return refuse(WrongValue, "%d free slots", d.Free)
	}
	return nil
}
