"""OpenKilda's class names, as they stand on the wire (protocol.md, 9.2)."""

_O = "org.openkilda.messaging"

COMMAND = f"{_O}.command.CommandMessage"
INFO = f"{_O}.info.InfoMessage"
CHUNK = f"{_O}.info.ChunkedInfoMessage"
ERROR = f"{_O}.error.ErrorMessage"

ERROR_DATA = f"{_O}.error.ErrorData"
ACK = f"{_O}.info.FlReceiveAck"
ALIVE_REQUEST = f"{_O}.AliveRequest"
ALIVE_RESPONSE = f"{_O}.AliveResponse"
BROADCAST = f"{_O}.command.BroadcastWrapper"
SYNC_REQUEST = f"{_O}.command.discovery.NetworkCommandData"
DUMP_BEGIN = f"{_O}.info.discovery.NetworkDumpBeginMarker"
DUMP_END = f"{_O}.info.discovery.NetworkDumpEndMarker"
DUMP_SWITCH = f"{_O}.info.discovery.NetworkDumpSwitchData"
DUMP_PORT = f"{_O}.info.discovery.NetworkDumpPortData"
UNMANAGED = f"{_O}.info.switches.UnmanagedSwitchNotification"
SWITCH_CONNECT = f"{_O}.info.switches.SwitchConnectNotification"
SWITCH_DISCONNECT = f"{_O}.info.switches.SwitchDisconnectNotification"
SWITCH_AVAILABILITY = f"{_O}.info.switches.SwitchAvailabilityUpdateNotification"
SWITCH_EVENT = f"{_O}.info.event.SwitchInfoData"
PORT_EVENT = f"{_O}.info.event.PortInfoData"
ISL_EVENT = f"{_O}.info.event.IslInfoData"

#: the record header of each link of a sync chain that says when the router began that sync (ms
#: since the epoch): whatever it reported since then is newer than what the chain says.
SYNC_BEGAN = "flrouter-sync-began"
