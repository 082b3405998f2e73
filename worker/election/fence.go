package election

import "github.com/moothall/moothall/events"

// A Fence remembers the newest term that the hub certified. What only an admin
// may say is believed only from the accepted term on. The zero Fence has accepted
// nothing.
type Fence struct{ certificate events.SeatCertificate }

// A Verdict says how a term relates to the accepted one.
type Verdict int

const (
	Older Verdict = iota - 1
	Same
	Newer
)

// Accept takes a certificate that the caller has verified against the hub's keys.
// An accepted term never falls (I2). Newer means that it was taken.
func (f *Fence) Accept(c events.SeatCertificate) Verdict {
	v := f.Judge(c.Term)
	if v == Newer {
		f.certificate = c
	}
	return v
}

// Judge compares a term with the accepted one.
func (f *Fence) Judge(t events.Term) Verdict { return Verdict(t.Compare(f.certificate.Term)) }

// Term is the accepted term.
func (f *Fence) Term() events.Term { return f.certificate.Term }

// Holder is the seat that the accepted term belongs to, departed or not; zero if the
// term was vacant when it was accepted.
func (f *Fence) Holder() events.Seat { return f.certificate.Seat }

// Certificate is the hub's word for the accepted term.
func (f *Fence) Certificate() events.SeatCertificate { return f.certificate }
