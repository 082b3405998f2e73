package roster

// A Reason names why a chunk or a genesis was refused. The set is small and
// fixed, so that refusals can be counted by it.
type Reason string

// A Refusal is a refused chunk or genesis. Detail is for the log.
type Refusal struct {
	Reason Reason
	Detail string
}

func (r *Refusal) Error() string { return "roster: " + string(r.Reason) + ": " + r.Detail }
