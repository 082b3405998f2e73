package jobs

import (
	"cmp"
	"time"
)

// Limits bound what one job may take and how long it is kept. A field of 0 means
// its default.
type Limits struct {
	RunTime     time.Duration // of the process; then it is ended
	InputIdle   time.Duration // between two bytes of the inputs
	InputFiles  int
	InputBytes  int64 // of all inputs together
	OutputBytes int64 // of all that lies under MOOT_OUT
	OutputFiles int
	OutputItems int           // files and folders while the job runs
	OutputCheck time.Duration // how often the outputs of a running job are measured
	Processes   int           // and threads, at a time

	IdleLink time.Duration // of a client that follows no job

	StopGrace time.Duration // between SIGINT and SIGTERM
	KillGrace time.Duration // between SIGTERM and SIGKILL

	LinesPerSecond int   // of output that is logged on average; a burst may have ten times as many
	LogBytes       int64 // of the log on disk; state changes are always written

	WatchEvery    time.Duration // between two questions to the parts of the runner
	WatchPatience time.Duration // with one that does not answer

	KeepJobs  int           // of those that were fetched
	KeepFor   time.Duration // after a job's end
	KeepBytes int64         // of all jobs that have ended, with their inputs; the oldest go first
}

// DefaultProcesses leaves room for a loader of data with a thread for each processor of
// a large machine, several times over.
const DefaultProcesses = 4096

// DefaultLimits are the limits of a worker whose owner set none.
func DefaultLimits() Limits {
	return Limits{
		RunTime:        24 * time.Hour,
		InputIdle:      time.Minute,
		InputFiles:     256,
		InputBytes:     64 << 30,
		OutputBytes:    16 << 30,
		OutputFiles:    256,
		OutputItems:    10_000,
		OutputCheck:    5 * time.Second,
		Processes:      DefaultProcesses,
		IdleLink:       time.Minute,
		StopGrace:      30 * time.Second,
		KillGrace:      10 * time.Second,
		LinesPerSecond: 1000,
		LogBytes:       64 << 20,
		WatchEvery:     5 * time.Second,
		WatchPatience:  15 * time.Second,
		KeepJobs:       50,
		KeepFor:        24 * time.Hour,
		KeepBytes:      64 << 30,
	}
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	return Limits{
		RunTime:        cmp.Or(l.RunTime, d.RunTime),
		InputIdle:      cmp.Or(l.InputIdle, d.InputIdle),
		InputFiles:     cmp.Or(l.InputFiles, d.InputFiles),
		InputBytes:     cmp.Or(l.InputBytes, d.InputBytes),
		OutputBytes:    cmp.Or(l.OutputBytes, d.OutputBytes),
		OutputFiles:    cmp.Or(l.OutputFiles, d.OutputFiles),
		OutputItems:    cmp.Or(l.OutputItems, d.OutputItems),
		OutputCheck:    cmp.Or(l.OutputCheck, d.OutputCheck),
		Processes:      cmp.Or(l.Processes, d.Processes),
		IdleLink:       cmp.Or(l.IdleLink, d.IdleLink),
		StopGrace:      cmp.Or(l.StopGrace, d.StopGrace),
		KillGrace:      cmp.Or(l.KillGrace, d.KillGrace),
		LinesPerSecond: cmp.Or(l.LinesPerSecond, d.LinesPerSecond),
		LogBytes:       cmp.Or(l.LogBytes, d.LogBytes),
		WatchEvery:     cmp.Or(l.WatchEvery, d.WatchEvery),
		WatchPatience:  cmp.Or(l.WatchPatience, d.WatchPatience),
		KeepJobs:       cmp.Or(l.KeepJobs, d.KeepJobs),
		KeepFor:        cmp.Or(l.KeepFor, d.KeepFor),
		KeepBytes:      cmp.Or(l.KeepBytes, d.KeepBytes),
	}
}
