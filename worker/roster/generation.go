package roster

import (
	"cmp"
	"errors"
	"slices"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/roster/guard"
)

// A generation is one document of the room with its history and the state of
// each seat in it.
type generation struct {
	room     string
	genesis  events.Genesis
	hash     guard.Hash // of the genesis
	document *document
	history  *history
	seats    map[events.Seat]seatState
	own      guard.Actor // of this replica
}

// A founding is what a generation is built of. The rows are verified, of different
// peers, and none of a banned seat; banned is sorted.
type founding struct {
	id          events.Generation
	certificate events.SeatCertificate
	rows        []Row
	banned      []events.Seat
}

// newGeneration builds the document's first change. Every builder gets the same bytes
// for the same room and founding. self is the seat of this replica.
func newGeneration(room string, self events.Seat, f founding) *generation {
	g := &generation{
		room: room,
		genesis: events.Genesis{
			V: events.ProtocolVersion, Generation: f.id, Certificate: f.certificate, Rows: signedRows(f.rows), Banned: f.banned,
		},
		document: newDocument(genesisActor),
		seats:    make(map[events.Seat]seatState, len(f.rows)),
	}
	ops := genesisOps(g.genesis)
	hash, chunk := g.document.commit(ops)
	g.hash, g.genesis.Hash = hash, hash.String()
	g.own = g.actor(self)
	g.document.actAs(g.own)
	g.history = newHistory(entry{hash: hash, maxOp: uint64(len(ops)), chunk: chunk})
	for _, row := range f.rows {
		g.seats[row.Seat] = seatState{
			row:       row,
			staticOp:  genesisOpID(ops, rowKey(row.Seat, kindStatic)),
			dynamicOp: genesisOpID(ops, rowKey(row.Seat, kindDynamic)),
		}
	}
	return g
}

// genesisOps are the scalars of a genesis, sorted by key: the work list's
// admin_peer_id as the hub certifies it, the generation, who is banned, and the rows.
func genesisOps(g events.Genesis) []guard.Op {
	ops := []guard.Op{{Key: "admin", Value: encode(g.Certificate)}, {Key: "generation", Value: encode(g.Generation)}}
	if len(g.Banned) > 0 {
		ops = append(ops, guard.Op{Key: "banned", Value: encode(g.Banned)})
	}
	for _, row := range g.Rows {
		ops = append(ops,
			guard.Op{Key: rowKey(row.Seat, kindStatic), Value: row.Static},
			guard.Op{Key: rowKey(row.Seat, kindDynamic), Value: row.Dynamic})
	}
	slices.SortFunc(ops, compareKeys)
	return ops
}

func compareKeys(a, b guard.Op) int { return cmp.Compare(a.Key, b.Key) }

func genesisOpID(ops []guard.Op, key string) guard.OpID {
	i, _ := slices.BinarySearchFunc(ops, guard.Op{Key: key}, compareKeys)
	return guard.OpID{Counter: uint64(i) + 1, Actor: genesisActor}
}

func signedRows(rows []Row) []events.SignedRow {
	signed := make([]events.SignedRow, len(rows))
	for i, r := range rows {
		signed[i] = r.Signed
	}
	return signed
}

func (g *generation) banned(s events.Seat) bool { return slices.Contains(g.genesis.Banned, s) }

func (g *generation) id() events.Generation { return g.genesis.Generation }

func (g *generation) actor(s events.Seat) guard.Actor { return actorOf(g.room, s, g.id(), g.hash) }

// accept puts a proposal that obeys every rule into the document. If automerge
// disagrees, the document is built anew from the history without the change.
func (g *generation) accept(p proposal, next seatState) *Refusal {
	if err := g.document.load(p.change, p.chunk); err != nil {
		return refuse(Damage, "change %s of %s: %v", p.change.Hash, p.seat, errors.Join(err, g.rebuild()))
	}
	g.settle(p, next)
	return nil
}

// settle records a change that the document has.
func (g *generation) settle(p proposal, next seatState) {
	g.history.add(entry{hash: p.change.Hash, deps: p.change.Deps, maxOp: p.change.MaxOp(), chunk: p.chunk})
	g.seats[p.seat] = next
}

func (g *generation) rebuild() error {
	fresh := newDocument(genesisActor)
	fresh.commit(genesisOps(g.genesis))
	fresh.actAs(g.own)
	var failed []error
	for _, e := range g.history.entries[1:] {
		c, err := guard.Parse(e.chunk)
		if err == nil {
			err = fresh.load(c, e.chunk)
		}
		failed = append(failed, err)
	}
	g.document = fresh
	return errors.Join(failed...)
}
