package guard

// decoded are the columns of the operations, decoded.
type decoded struct {
	names   []string
	inserts uint64 // the length of the first run, of operations that do not insert
	actions []uint64
	metas   []uint64
	values  []byte
	groups  []uint64 // how many predecessors each operation has
	indexes []uint64 // which actor each predecessor is of
	deltas  []int64  // its counter, less the one before
}

func decodeColumns(r *reader, columns [len(columnOrder)][]byte) decoded {
	var d decoded
	d.names = decodeColumn(r, columns[0], (*reader).text)
	inserts := &reader{rest: columns[1]}
	d.inserts = inserts.unsigned()
	if inserts.failed != nil || len(inserts.rest) > 0 {
		r.fail(NotPlain, "insertion into a list")
	}
	d.actions = decodeColumn(r, columns[2], (*reader).unsigned)
	d.metas = decodeColumn(r, columns[3], (*reader).unsigned)
	d.values = columns[4]
	d.groups = decodeColumn(r, columns[5], (*reader).unsigned)
	d.indexes = decodeColumn(r, columns[6], (*reader).unsigned)
	d.deltas = decodeColumn(r, columns[7], (*reader).signed)
	return d
}

func decodeColumn[T any](r *reader, column []byte, read func(*reader) T) []T {
	c := &reader{rest: column}
	values := runs(c, read)
	if c.failed != nil {
		r.fail(c.failed.Reason, "%s", c.failed.Detail)
	}
	return values
}

// parseOps puts the operations together from their columns. actors are the ones
// that predecessors refer to by position.
func parseOps(r *reader, columns [len(columnOrder)][]byte, actors []Actor, startOp uint64) []Op {
	d := decodeColumns(r, columns)
	n := len(d.names)
	switch {
	case r.failed != nil:
		return nil
	case n < 1 || n > MaxOps:
		r.fail(NotPlain, "%d operations", n)
	case n == 2 && d.names[0] == d.names[1]:
		r.fail(KeyTwice, "%q", d.names[0])
	case len(d.actions) != n || len(d.metas) != n || len(d.groups) != n || len(d.indexes) != len(d.deltas):
		r.fail(Malformed, "columns of different lengths")
	case d.inserts != uint64(n):
		r.fail(NotPlain, "insertion into a list")
	}
	if r.failed != nil {
		return nil
	}
	ops := make([]Op, n)
	for i, name := range d.names {
		if name == "" || d.actions[i] != actionSet || d.metas[i]&0xf != valueString {
			r.fail(NotPlain, "action %d on key %q with a value of type %d", d.actions[i], name, d.metas[i]&0xf)
		}
		ops[i].Key = name
	}
	setValues(r, ops, d)
	setPreds(r, ops, d, actors, startOp)
	return ops
}

func setValues(r *reader, ops []Op, d decoded) {
	values := &reader{rest: d.values}
	for i, meta := range d.metas {
		ops[i].Value = values.utf8(meta >> 4)
	}
	if values.failed != nil {
		r.fail(values.failed.Reason, "value: %s", values.failed.Detail)
	} else if len(values.rest) > 0 {
		r.fail(Malformed, "%d bytes after the values", len(values.rest))
	}
}

func setPreds(r *reader, ops []Op, d decoded, actors []Actor, startOp uint64) {
	next, counter := 0, int64(0)
	for i, n := range d.groups {
		if n == 0 {
			continue
		}
		if n > 1 || next == len(d.deltas) {
			r.fail(NotPlain, "%d predecessors, %d in all", n, len(d.deltas))
			return
		}
		counter += d.deltas[next]
		if counter < 1 || uint64(counter) >= startOp || d.indexes[next] >= uint64(len(actors)) {
			r.fail(OutOfBounds, "predecessor %d of actor %d", counter, d.indexes[next])
			return
		}
		ops[i].Pred = OpID{uint64(counter), actors[d.indexes[next]]}
		next++
	}
	if next < len(d.deltas) {
		r.fail(Malformed, "%d predecessors too many", len(d.deltas)-next)
	}
}
