package roster

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/moothall/moothall/events"
)

// Found cuts generation g of the rows held, those for whose seat keep says yes,
// and begins it. cert is the hub's word that this replica's seat is the admin in
// g's term; g must be above the present generation. Rows whose certificate is not
// trusted any more are left out, and so are those of seats in ban and of seats banned
// before. The genesis must fit one frame: the error for one that does not has
// GenesisRows as its reason.
func (r *Roster) Found(g events.Generation, cert events.SeatCertificate, keep func(events.Seat) bool, ban ...events.Seat) (events.Genesis, error) {
	if refused := r.mayFound(g, cert); refused != nil {
		return events.Genesis{}, refused
	}
	banned := r.bannedNow(keep, ban)
	rows := r.rowsToKeep(g, func(s events.Seat) bool { return keep(s) && !slices.Contains(banned, s) })
	next := newGeneration(r.config.Room, r.config.Seat, founding{g, cert, rows, banned})
	sig, err := events.SignGenesis(r.config.Key, r.config.Room, g, next.genesis.Hash)
	if err != nil {
		return events.Genesis{}, fmt.Errorf("roster: found generation %s: %w", g, err)
	}
	next.genesis.Signature = sig
	if refused := checkFounder(r.config.Room, next.genesis, r.config.HubKeys); refused != nil {
		return events.Genesis{}, refused
	}
	if size := genesisSize(next.genesis); size > events.MaxMessage {
		return events.Genesis{}, refuse(GenesisRows, "genesis of %d rows has %d bytes, at most %d allowed", len(next.genesis.Rows), size, events.MaxMessage)
	}
	r.begin(next)
	return next.genesis, nil
}

func (r *Roster) mayFound(g events.Generation, cert events.SeatCertificate) *Refusal {
	if r.present != nil && g.Compare(r.present.id()) <= 0 {
		return refuse(GenesisTerm, "generation %s is not above the present one, %s", g, r.present.id())
	}
	if cert.Seat != r.config.Seat {
		return refuse(GenesisCertificate, "the admin's seat is %s, this one is %s", cert.Seat, r.config.Seat)
	}
	return nil
}

// bannedNow are the seats to ban and those banned before, while keep says yes.
func (r *Roster) bannedNow(keep func(events.Seat) bool, ban []events.Seat) []events.Seat {
	if r.present != nil {
		ban = slices.Concat(ban, r.present.genesis.Banned)
	}
	ban = slices.DeleteFunc(slices.Clone(ban), func(s events.Seat) bool { return !keep(s) })
	slices.SortFunc(ban, compareSeats)
	return slices.Compact(ban)
}

func compareSeats(a, b events.Seat) int {
	return cmp.Or(cmp.Compare(a.PeerID, b.PeerID), cmp.Compare(a.Incarnation, b.Incarnation))
}

// rowsToKeep are the newest rows held, by peer id.
func (r *Roster) rowsToKeep(g events.Generation, keep func(events.Seat) bool) []Row {
	var rows []Row
	for _, peer := range slices.Sorted(maps.Keys(r.newest)) {
		row := r.newest[peer]
		if !keep(row.Seat) {
			continue
		}
		if _, refused := verifyRow(r.config.Room, g, row.Signed, r.config.HubKeys); refused == nil {
			rows = append(rows, row)
		}
	}
	return rows
}

func genesisSize(g events.Genesis) int {
	data, err := json.Marshal(g)
	if err != nil {
		panic("roster: encode a genesis: " + err.Error())
	}
	return len(data) + events.FrameHeader
}

// Genesis is that of the present generation, zero before the first.
func (r *Roster) Genesis() events.Genesis {
	if r.present == nil {
		return events.Genesis{}
	}
	return r.present.genesis
}

// Adopt begins the generation of a genesis if it is higher than the present one,
// or equal with a lower hash, and everything in it holds: the hub's certificate,
// the founder's signature, each row, and the hash of the change that this replica
// builds of them. newer are the rows held that are newer than the genesis' own or
// of peers that it lacks, by peer id: its founder wants them. The error is a
// *Refusal; a genesis that is merely not above the present one is no error.
func (r *Roster) Adopt(g events.Genesis) (adopted bool, newer []events.SignedRow, err error) {
	if r.present != nil && !supersedes(g, r.present.genesis) {
		return false, nil, nil
	}
	if refused := checkFounder(r.config.Room, g, r.config.HubKeys); refused != nil {
		return false, nil, refused
	}
	rows, refused := verifyRows(r.config.Room, g, r.config.HubKeys)
	if refused != nil {
		return false, nil, refused
	}
	next := newGeneration(r.config.Room, r.config.Seat, founding{g.Generation, g.Certificate, rows, g.Banned})
	if next.genesis.Hash != g.Hash {
		return false, nil, refuse(GenesisHash, "header says %.64s, the rows give %s", g.Hash, next.genesis.Hash)
	}
	next.genesis.Signature = g.Signature
	return true, r.begin(next), nil
}

// Inherit takes what another replica of the room held: its generation, and the
// newest rows that it has seen, of which some may not be in that.
func (r *Roster) Inherit(old *Roster) {
	if old.present == nil {
		return
	}
	r.dropped = maps.Clone(old.dropped)
	if _, _, err := r.Adopt(old.present.genesis); err == nil {
		r.Apply(old.Since(nil))
	}
	for _, row := range old.newest {
		r.remember(row)
	}
}

func supersedes(g, present events.Genesis) bool {
	return cmp.Or(g.Generation.Compare(present.Generation), cmp.Compare(present.Hash, g.Hash)) > 0
}

// checkFounder checks that the hub made the founder admin in the generation's
// term, and that the founder signed the header.
func checkFounder(room string, g events.Genesis, hubKeys []string) *Refusal {
	if g.V != events.ProtocolVersion {
		return refuse(GenesisVersion, "version %d", g.V)
	}
	if err := g.Certificate.Verify(room, hubKeys); err != nil {
		return refuse(GenesisCertificate, "%v", err)
	}
	if g.Certificate.Term != g.Generation.Term {
		return refuse(GenesisTerm, "generation %s with a certificate of term %s", g.Generation, g.Certificate.Term)
	}
	if err := events.VerifyGenesis(g.Certificate.Key, room, g.Generation, g.Hash, g.Signature); err != nil {
		return refuse(GenesisSignature, "%v", err)
	}
	return nil
}

func verifyRows(room string, g events.Genesis, hubKeys []string) ([]Row, *Refusal) {
	if !slices.IsSortedFunc(g.Banned, compareSeats) {
		return nil, refuse(GenesisRows, "banned seats are not sorted")
	}
	rows := make([]Row, 0, len(g.Rows))
	for i, signed := range g.Rows {
		if slices.Contains(g.Banned, signed.Seat) {
			return nil, refuse(GenesisRows, "%s is banned and has a row", signed.Seat)
		}
		if i > 0 && signed.PeerID <= g.Rows[i-1].PeerID {
			return nil, refuse(GenesisRows, "%s after %s", signed.Seat, g.Rows[i-1].Seat)
		}
		row, refused := verifyRow(room, g.Generation, signed, hubKeys)
		if refused != nil {
			return nil, refused
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// verifyRow checks a row that comes without the change that once carried it. It
// was signed in the given generation or an earlier one.
func verifyRow(room string, g events.Generation, signed events.SignedRow, hubKeys []string) (Row, *Refusal) {
	if n := max(len(signed.Static), len(signed.Dynamic)); n > events.MaxChange {
		return Row{}, refuse(WrongValue, "scalar of %d bytes, at most %d allowed", n, events.MaxChange)
	}
	s, refused := parseStatic(signed.Static)
	if refused != nil {
		return Row{}, refused
	}
	d, refused := parseDynamic(signed.Dynamic)
	if refused != nil {
		return Row{}, refused
	}
	if refused := checkPair(room, g, signed.Seat, s, d); refused != nil {
		return Row{}, refused
	}
	if refused := s.verify(hubKeys); refused != nil {
		return Row{}, refused
	}
	return rowOf(s, d, signed), d.verify(s.Key)
}

func checkPair(room string, g events.Generation, seat events.Seat, s staticText, d dynamicText) *Refusal {
	if refused := s.check(room, seat, kindStatic); refused != nil {
		return refused
	}
	if refused := d.check(room, seat, kindDynamic); refused != nil {
		return refused
	}
	for _, signedIn := range []events.Generation{s.Generation, d.Generation} {
		if signedIn.Compare(g) > 0 {
			return refuse(WrongGeneration, "row of %s in a genesis of %s", signedIn, g)
		}
	}
	if s.Seq == 0 || d.StaticSeq != s.Seq || d.Seq < s.Seq {
		return refuse(WrongStatic, "/s %d beside /d %d naming %d", s.Seq, d.Seq, d.StaticSeq)
	}
	return nil
}

// begin makes a generation the present one and returns the rows held that are
// newer than its own.
func (r *Roster) begin(next *generation) []events.SignedRow {
	fresh := make(map[string]Row, len(next.seats))
	for seat, state := range next.seats {
		fresh[seat.PeerID] = state.row
	}
	var newer []events.SignedRow
	for _, peer := range slices.Sorted(maps.Keys(r.newest)) {
		held := r.newest[peer]
		if next.banned(held.Seat) {
			continue
		}
		if row, ok := fresh[peer]; !ok || held.compareAge(row) > 0 {
			newer = append(newer, held.Signed)
		}
	}
	r.present, r.waiting = next, waitingRoom{}
	r.version++
	for _, row := range fresh {
		r.remember(row)
	}
	return newer
}
