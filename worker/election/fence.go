package election

import "github.com/moothall/moothall/events"

// A Fence remembers the newest term that the hub certified. What only an admin
// may say is believed only from the accepted term on. The zero Fence has accepted
// nothing.
type Fence struct {
	certificate events.SeatCertificate
	vacant      bool
}

// A Verdict says how a term relates to the accepted one.
type Verdict int

const (
	Older Verdict = iota - 1
	Same
	Newer
)

// Accept takes a certificate that the caller has verified against the hub's keys.
// An accepted term never falls (I2). Newer means that it was taken; the same
// certificate again does not fill a seat that was vacated since.
func (f *Fence) Accept(c events.SeatCertificate) Verdict {
	v := f.Judge(c.Term)
	if v == Newer {
		f.certificate, f.vacant = c, false
	}
	return v
}

// Vacate records the hub's word that the holder of the term has departed. A term
// other than the accepted one is ignored; it reports whether anything changed.
func (f *Fence) Vacate(t events.Term) bool {
	if f.Judge(t) != Same || f.vacant {
		return false
	}
	f.vacant = true
	return true
}

// Judge compares a term with the accepted one.
func (f *Fence) Judge(t events.Term) Verdict { return Verdict(t.Compare(f.certificate.Term)) }

// Term is the accepted term.
func (f *Fence) Term() events.Term { return f.certificate.Term }

// Holder is the seat that held the accepted term, departed or not.
func (f *Fence) Holder() events.Seat { return f.certificate.Seat }

// Admin is the admin's seat, zero while it is vacant.
func (f *Fence) Admin() events.Seat {
	if f.vacant {
		return events.Seat{}
	}
	return f.certificate.Seat
}

// Certificate is the hub's word for the accepted term.
func (f *Fence) Certificate() events.SeatCertificate { return f.certificate }
