package sqlite

import "syscall"

// networkFileSystem returns the name of the file system that dir lies on if
// machines share it, else "". The numbers are those of statfs(2).
func networkFileSystem(dir string) string {
	var s syscall.Statfs_t
	if syscall.Statfs(dir, &s) != nil {
		return ""
	}
	return map[uint32]string{
		0x6969:     "NFS",
		0x517b:     "SMB",
		0xff534d42: "CIFS",
		0xfe534d42: "SMB2",
		0x0bd00bd0: "Lustre",
		0x47504653: "GPFS",
		0x00c36400: "Ceph",
		0x19830326: "BeeGFS",
		0x01161970: "GFS2",
		0x7461636f: "OCFS2",
		0x5346414f: "AFS",
		0x6b414653: "AFS",
		0x73757245: "Coda",
		0x01021997: "9P",
	}[uint32(s.Type)]
}
