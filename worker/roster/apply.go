package roster

// Applied is what became of the chunks given to Apply.
type Applied struct {
	Accepted int      // changes that are new in the document, chunks that had waited included
	Peers    []string // whose rows changed, sorted
	Refused  []error  // each a *Refusal
	Waiting  int      // chunks that wait for a change they depend on, in all
}

// Apply takes change chunks of peers. Chunks of changes already held are
// skipped; chunks whose dependencies are unknown wait, at most MaxWaiting of them.
func (r *Roster) Apply(chunks [][]byte) Applied { return Applied{} }
