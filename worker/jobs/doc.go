// Package jobs runs the jobs of one worker: it keeps its slots, gives leases on
// them, starts the commands that the worker's owner allows, logs what they say
// and seals what they leave behind.
//
// Slots is the pure core: it decides who holds what until when. A job is one
// folder, one process group and one goroutine; its log on disk is the authority
// on what happened to it. Service ties them together and speaks the job protocol
// (events/job.go) over a client's link.
package jobs
