// Command supervisor stands in for the worker's binary in tests: with the race detector
// a test binary takes long to start.
package main

import "github.com/moothall/moothall/worker/jobs"

func main() { jobs.Supervise() }
