package roster

import (
	"fmt"
	"testing"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/worker/roster/guard"
)

// tenWorkers is a room of ten with their rows; the first is the founder.
func tenWorkers(b *testing.B) (*room, []*Roster) {
	rm := newRoom(b)
	names := make([]string, 10)
	for i := range names {
		names[i] = fmt.Sprintf("worker-%d", i)
	}
	replicas := rm.join(names...)
	for _, r := range replicas {
		chunk := write(b, r, events.StatusAvailable)
		for _, other := range replicas {
			other.Apply([][]byte{chunk})
		}
	}
	return rm, replicas
}

// statusChunks are n status changes of one worker.
func statusChunks(b *testing.B, r *Roster, n int) [][]byte {
	chunks := make([][]byte, n)
	for i := range chunks {
		chunks[i] = write(b, r, []events.Status{events.StatusBusy, events.StatusAvailable}[i%2])
	}
	return chunks
}

func BenchmarkGuard(b *testing.B) {
	_, replicas := tenWorkers(b)
	chunk := statusChunks(b, replicas[1], 1)[0]
	b.ReportMetric(float64(len(chunk)), "B/chunk")
	for b.Loop() {
		if _, err := guard.Parse(chunk); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkApply is one status change of a peer: guard, rules, one signature,
// automerge.
func BenchmarkApply(b *testing.B) {
	const history = 1000
	rm, replicas := tenWorkers(b)
	chunks := statusChunks(b, replicas[1], history)
	genesis, before := replicas[0].Genesis(), replicas[0].Since(nil)
	var r *Roster
	for i := 0; b.Loop(); i++ {
		if i%history == 0 {
			b.StopTimer()
			r = rm.replica("worker-x", 1)
			adopt(b, r, genesis)
			apply(b, r, before...)
			b.StartTimer()
		}
		if a := r.Apply(chunks[i%history : i%history+1]); a.Accepted != 1 {
			b.Fatal(a.Refused)
		}
	}
}

// BenchmarkWrite is one own status change, in generations of a thousand.
func BenchmarkWrite(b *testing.B) {
	rm, replicas := tenWorkers(b)
	r := replicas[0]
	size := 0
	for i := 0; b.Loop(); i++ {
		if i%1000 == 0 {
			b.StopTimer()
			rm.found(r, generationOf(2, uint64(i)))
			b.StartTimer()
		}
		size = len(write(b, r, []events.Status{events.StatusBusy, events.StatusAvailable}[i%2]))
	}
	b.ReportMetric(float64(size), "B/chunk")
}

func BenchmarkFoundTenRows(b *testing.B) {
	rm, replicas := tenWorkers(b)
	size := 0
	for i := 0; b.Loop(); i++ {
		size = genesisSize(rm.found(replicas[0], generationOf(2, uint64(i))))
	}
	b.ReportMetric(float64(size), "B/genesis")
}

func BenchmarkAdoptTenRows(b *testing.B) {
	rm, replicas := tenWorkers(b)
	genesis := rm.found(replicas[0], generationOf(2, 0))
	config := rm.config("worker-x", 1)
	for b.Loop() {
		adopt(b, New(config), genesis)
	}
}

func BenchmarkRowsOfTen(b *testing.B) {
	_, replicas := tenWorkers(b)
	for b.Loop() {
		replicas[0].Rows()
	}
}

func BenchmarkSinceAThousandChanges(b *testing.B) {
	_, replicas := tenWorkers(b)
	heads := replicas[0].Position().Heads
	apply(b, replicas[0], statusChunks(b, replicas[1], 1000)...)
	for b.Loop() {
		if n := len(replicas[0].Since(heads)); n != 1000 {
			b.Fatal(n)
		}
	}
}
