package roster

import "github.com/moothall/moothall/worker/roster/guard"

// MaxWaiting bounds the changes that wait for one they depend on. When one more
// comes, the oldest is dropped: what is missing is pulled again by its head.
const MaxWaiting = 256

// A waitingRoom holds proposals whose causal past is not complete, in the order
// of their arrival.
type waitingRoom struct{ queue []proposal }

// add reports the refusal of the proposal that had to leave, if any.
func (w *waitingRoom) add(p proposal) *Refusal {
	for _, q := range w.queue {
		if q.change.Hash == p.change.Hash {
			return nil
		}
	}
	w.queue = append(w.queue, p)
	if len(w.queue) <= MaxWaiting {
		return nil
	}
	oldest := w.queue[0]
	w.queue = w.queue[1:]
	return refuse(WaitingFull, "change %s of %s waited for one it depends on", oldest.change.Hash, oldest.seat)
}

// ready takes out the first proposal whose dependencies are all there.
func (w *waitingRoom) ready(has func([]guard.Hash) bool) (proposal, bool) {
	for i, p := range w.queue {
		if has(p.change.Deps) {
			w.queue = append(w.queue[:i:i], w.queue[i+1:]...)
			return p, true
		}
	}
	return proposal{}, false
}
