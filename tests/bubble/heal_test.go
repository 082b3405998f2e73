package bubble

import (
	"fmt"
	"testing"
	"time"
)

// healed is how soon after the end of a cut the mesh is whole.
const healed = 5 * time.Second

// Work list 7.4.3. However long a cut was, the mesh is whole soon after it.
func TestMesh_HealsWithin5sOfTheEndOfACut(t *testing.T) {
	for cut := 16600 * time.Millisecond; cut < time.Minute; cut += 9900 * time.Millisecond {
		t.Run(fmt.Sprint(cut), func(t *testing.T) {
			Run(t, func(t *testing.T, c *Cluster) {
				workers := together(t, c, 8000, 8000, 8000)
				c.Silence(workers[1])
				c.Pass(cut)
				c.Heal()
				took, ok := c.Until(30*time.Second, func() bool { return openLinks(workers) == 6 && agree(workers) })
				t.Logf("whole %v after a cut of %v", took, cut)
				if !ok || took > healed {
					t.Errorf("whole only %v after a cut of %v", took, cut)
				}
			})
		})
	}
}
