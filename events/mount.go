package events

// MountedInput is an input that is on the worker already: the file or folder Path of
// the mount Mount. The job sees it as MOOT_IN/Name.
type MountedInput struct {
	Name  string `json:"name"` // without slashes
	Mount string `json:"mount"`
	Path  string `json:"path"` // from the mount's root, slash-separated
}

// MountList asks a worker what is in a folder of a mount, on the job channel. It is
// answered by a MountListing, or by an Error.
type MountList struct {
	V     int    `json:"v"`
	Mount string `json:"mount"`
	Path  string `json:"path"`
	After string `json:"after,omitempty"` // the last name of the page before
}

// MountListing is one page of a folder's entries, in the order of their names as bytes.
type MountListing struct {
	V       int          `json:"v"`
	Mount   string       `json:"mount"`
	Path    string       `json:"path"`
	Entries []MountEntry `json:"entries"`
	More    bool         `json:"more,omitempty"`     // more follow the last one
	LeftOut int          `json:"left_out,omitempty"` // of the whole folder, whose names cannot be sent
}

// MountEntry is a file, a folder, a symbolic link, which is not followed, or another
// thing, which is no input.
type MountEntry struct {
	Name     string `json:"name"`
	Kind     string `json:"kind"`
	Size     int64  `json:"size"` // bytes, of files
	Modified Time   `json:"modified"`
}

// Kinds of MountEntry.
const (
	EntryFile   = "file"
	EntryFolder = "folder"
	EntryLink   = "link"
	EntryOther  = "other"
)
