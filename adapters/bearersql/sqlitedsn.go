package bearersql

import (
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// busyTimeout is how long a connection to SQLite waits for another's lock.
const busyTimeout = 5 * time.Second

// SQLiteDSN returns the data source name under which modernc.org/sqlite, the
// driver "sqlite", opens the database file at path: with a write-ahead log that is
// on the disk when a write returns, foreign keys, writers that wait for each other
// for five seconds, and transactions that begin as writers.
//
// SQLite makes the file with the mode 0644 less the umask, and the logs beside it
// with the file's. It holds hashes of passwords: make it before, for its owner
// alone, or in a folder that is. It must be on a local disk.
func SQLiteDSN(path string) string {
	path = filepath.ToSlash(path)
	uri := "file:"
	if strings.HasPrefix(path, "//") {
		uri = "file://" // else the first name is an authority
	}
	return uri + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path) +
		"?_busy_timeout=" + strconv.FormatInt(busyTimeout.Milliseconds(), 10) + "&_journal_mode=WAL&_synchronous=FULL&_foreign_keys=1&_txlock=immediate"
}
