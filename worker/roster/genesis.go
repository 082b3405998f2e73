package roster

import "github.com/moothall/moothall/events"

// Found cuts generation g of the rows held, those for whose seat keep says yes,
// and adopts it. cert is the hub's word that this replica's seat is the admin in g's term;
// g must be higher than the present generation.
func (r *Roster) Found(g events.Generation, cert events.SeatCertificate, keep func(events.Seat) bool) (events.Genesis, error) {
	return events.Genesis{}, nil
}

// Genesis is that of the present generation, zero before the first.
func (r *Roster) Genesis() events.Genesis { return events.Genesis{} }

// Adopt verifies a genesis completely and, if its generation is higher than the
// present one, or equal with a lower hash, begins it. newer are the rows held
// that are newer than the genesis' own: whoever founded it wants them.
func (r *Roster) Adopt(g events.Genesis) (adopted bool, newer []events.SignedRow, err error) {
	return false, nil, nil
}
