package signaling

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestLanes_WorkOfOneRoomRunsInOrderAndNeverTwiceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		l := newLanes()
		done := make(chan struct{})
		go func() { l.run(ctx); close(done) }()
		var order []int // owned by the lane
		for i := range 100 {
			if !l.do(testRoom, func(context.Context) {
				<-time.After(time.Millisecond)
				order = append(order, i)
			}) {
				t.Fatal("refused")
			}
		}
		<-time.After(time.Second)
		cancel()
		<-done
		for i, got := range order {
			if got != i {
				t.Fatalf("order %v", order)
			}
		}
		if len(order) != 100 {
			t.Fatalf("%d pieces of work done", len(order))
		}
	})
}

func TestLanes_FullLaneRefusesAndPutWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLanes()
		nothing := func(context.Context) {}
		for range laneDepth {
			if !l.do(testRoom, nothing) {
				t.Fatal("refused before it was full")
			}
		}
		if l.do(testRoom, nothing) {
			t.Fatal("a full lane took more")
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.put(short, testRoom, nothing); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { l.run(ctx); close(done) }()
		must(t, l.put(t.Context(), testRoom, nothing))
		stop()
		<-done
	})
}
