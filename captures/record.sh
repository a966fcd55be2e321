#!/usr/bin/env bash
# Records the shipped captures: real programs talk in network namespaces, tcpdump or dumpcap listens.
#
#   sudo captures/record.sh            records everything again and rewrites README.md
#   sudo captures/record.sh ssh dns    records only these
#
# Needs: iproute2, ethtool, tcpdump, dumpcap, capinfos, reordercap, iptables-legacy, sshd, nginx, dnsmasq, vsftpd,
# curl, lftp, dig, ping, traceroute, nc, openssl. Nothing leaves the namespaces; every wait is
# bounded; only processes started here are ended. The packets' bytes differ from run to run (keys,
# ports, sequence numbers, times), what they show does not.
#
#   client eth0 ──── gateway ──── eth1 router eth0 ──── eth0 server
#   198.51.100.20    .1   203.0.113.2     .1    192.0.2.1          192.0.2.10
#   2001:db8:c::20   ::1  2001:db8:9::2   ::1   2001:db8:5::1      2001:db8:5::10
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
tag=fwr$$
pids=()
made_run_sshd=

cleanup() {
  local p n
  for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
  for p in "${pids[@]}"; do wait "$p" 2>/dev/null || true; done
  for n in client gateway router server; do ip netns del "$tag-$n" 2>/dev/null || true; done
  [ -n "$made_run_sshd" ] && rmdir /run/sshd 2>/dev/null
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

at() { local ns=$1; shift; ip netns exec "$tag-$ns" "$@"; }
# A command of the scene: its failure (refused, filtered) is often what is to be recorded.
run() { local ns=$1; shift; ip netns exec "$tag-$ns" timeout 20 "$@" >/dev/null 2>>"$work/errors" || true; }
daemon() { local ns=$1; shift; ip netns exec "$tag-$ns" "$@" >>"$work/daemons" 2>&1 & pids+=($!); }

link() { # ns-a if-a mac-a ns-b if-b mac-b
  ip link add "$2" netns "$tag-$1" address "$3" type veth peer name "$5" netns "$tag-$4" address "$6"
  local end
  for end in "$1 $2" "$4 $5"; do
    set -- $end
    # Without offloading, frames look as on a wire: whole checksums, no segment above the MTU.
    at "$1" ethtool -K "$2" tx off rx off sg off tso off gso off gro off >/dev/null 2>&1
  done
}

address() { # ns interface address...
  local ns=$1 dev=$2 a; shift 2
  for a; do at "$ns" ip addr add "$a" dev "$dev" $([[ $a == *:* ]] && echo nodad); done
  at "$ns" ip link set "$dev" up
}

network() {
  local n
  for n in client gateway router server; do
    ip netns add "$tag-$n"
    at "$n" sysctl -qw net.ipv6.conf.default.accept_ra=0 net.ipv6.conf.default.accept_dad=0 \
      net.ipv4.ping_group_range='0 0' net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
    at "$n" ip link set lo up
  done
  for n in gateway router; do
    at "$n" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  done
  at server sysctl -qw net.ipv4.icmp_echo_ignore_broadcasts=0
  # MAC addresses of the documentation range (RFC 7042).
  link client eth0 00:00:5e:00:53:20 gateway eth1 00:00:5e:00:53:02
  link gateway eth0 00:00:5e:00:53:03 router eth1 00:00:5e:00:53:04
  link router eth0 00:00:5e:00:53:01 server eth0 00:00:5e:00:53:10
  address client eth0 198.51.100.20/24 2001:db8:c::20/64
  address gateway eth1 198.51.100.1/24 2001:db8:c::1/64
  address gateway eth0 203.0.113.2/24 2001:db8:9::2/64
  address router eth1 203.0.113.1/24 2001:db8:9::1/64
  address router eth0 192.0.2.1/24 2001:db8:5::1/64
  address server eth0 192.0.2.10/24 2001:db8:5::10/64
  at client ip route add default via 198.51.100.1
  at client ip -6 route add default via 2001:db8:c::1
  at server ip route add default via 192.0.2.1
  at server ip -6 route add default via 2001:db8:5::1
  at gateway ip route add 192.0.2.0/24 via 203.0.113.1
  at gateway ip -6 route add 2001:db8:5::/64 via 2001:db8:9::1
  at router ip route add 198.51.100.0/24 via 203.0.113.2
  at router ip -6 route add 2001:db8:c::/64 via 2001:db8:9::2
}

services() { # the same set on the server and on the client, so that both can be asked
  local n
  ssh-keygen -q -t ed25519 -N '' -C host -f "$work/host"
  ssh-keygen -q -t ed25519 -N '' -C user -f "$work/user"
  chmod 755 "$work"
  if [ ! -d /run/sshd ]; then mkdir /run/sshd; made_run_sshd=1; fi
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
    -subj /CN=server.example -keyout "$work/tls.key" -out "$work/tls.crt" 2>/dev/null
  mkdir -p "$work/www" "$work/ftp" "$work/empty"
  chmod 755 "$work/www" "$work/ftp" "$work/empty"
  echo '<!doctype html><title>server.example</title><p>It works.' >"$work/www/index.html"
  head -c 30000 /dev/zero | tr '\0' x >"$work/www/page.txt"
  echo 'a file to fetch' >"$work/ftp/notes.txt"
  head -c 6000 /dev/zero | tr '\0' y >"$work/ftp/data.txt"
  for n in server client; do
    cat >"$work/$n-nginx.conf" <<NGINX
daemon off; user root; worker_processes 1; pid $work/$n-nginx.pid; error_log /dev/null;
events {}
http { access_log off; client_body_temp_path $work/b; proxy_temp_path $work/p; fastcgi_temp_path $work/f;
  uwsgi_temp_path $work/u; scgi_temp_path $work/s; server_tokens off; root $work/www;
  server { listen 80; listen [::]:80; listen 8080;
    location /slow { alias $work/www/page.txt; limit_rate 12k; } }
  server { listen 443 ssl; listen [::]:443 ssl; ssl_certificate $work/tls.crt; ssl_certificate_key $work/tls.key; } }
NGINX
    cat >"$work/$n-sshd.conf" <<SSHD
HostKey $work/host
AuthorizedKeysFile $work/user.pub
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
PidFile none
PrintMotd no
SSHD
    daemon "$n" nginx -c "$work/$n-nginx.conf"
    daemon "$n" /usr/sbin/sshd -D -f "$work/$n-sshd.conf"
    daemon "$n" dnsmasq -k --conf-file=/dev/null --pid-file= --user=root --no-resolv --no-hosts \
      --host-record=server.example,192.0.2.10,2001:db8:5::10 --host-record=client.example,198.51.100.20 \
      --txt-record=server.example,"$(head -c 200 /dev/zero | tr '\0' z)" --local=/example/
  done
  cat >"$work/vsftpd.conf" <<FTP
listen=NO
listen_ipv6=YES
background=NO
anonymous_enable=YES
local_enable=NO
anon_root=$work/ftp
no_anon_password=YES
ftp_username=daemon
secure_chroot_dir=$work/empty
seccomp_sandbox=NO
isolate=NO
isolate_network=NO
port_enable=YES
pasv_min_port=40000
pasv_max_port=40100
FTP
  chown root "$work/vsftpd.conf"
  daemon server vsftpd "$work/vsftpd.conf"
  local port i
  for port in 22 53 80 443 21; do
    for ((i = 0; i < 50; i++)); do
      at server nc -z -w 1 127.0.0.1 $port && break
      sleep 0.1
    done
    ((i < 50)) || { echo "no service on port $port:" >&2; cat "$work/daemons" >&2; exit 1; }
  done
}

# --- recording -------------------------------------------------------------------------------
recorder=
start() { # file ns interface [tool options]
  local file=$1 ns=$2 dev=$3 i; shift 3
  : >"$work/recorder"
  if [[ $file == *.pcapng ]]; then
    ip netns exec "$tag-$ns" dumpcap -q -i "$dev" "$@" -w "$work/$file" 2>"$work/recorder" &
  else
    ip netns exec "$tag-$ns" tcpdump -Z root -n -U --immediate-mode -i "$dev" "$@" -w "$work/$file" 2>"$work/recorder" &
  fi
  recorder=$!
  pids+=($recorder)
  for ((i = 0; i < 100; i++)); do
    grep -q -e 'listening on' -e '^File:' "$work/recorder" && break
    sleep 0.05
  done
  sleep 0.2
}

stop() { # file vantage description
  sleep 0.3
  kill -INT "$recorder"
  wait "$recorder" 2>/dev/null || true
  local file=$1
  if [[ $file == *.pcapng ]]; then
    # dumpcap writes what its two interfaces gave in turns: put in the order of time.
    reordercap "$work/$file" "$work/ordered" >/dev/null && mv "$work/ordered" "$work/$file"
    strip_machine "$work/$file"
  fi
  local count; count=$(capinfos -c -M -T -r "$work/$file" 2>/dev/null | cut -f2)
  if [[ ${4-} == gz ]]; then gzip -9nf "$work/$file"; file=$file.gz; fi
  mv "$work/$file" "$here/$file"
  printf '%s\t%s\t%s\t%s\n' "$file" "$count" "$2" "$3" >"$work/line-$file"
  echo "$file: $count packets, $(stat -c %s "$here/$file") bytes"
}

# dumpcap notes the machine (CPU, kernel) in the section header: not a matter of the capture. The
# section header is written anew without options; no other block is touched.
strip_machine() {
  python3 - "$1" <<'PY'
import struct, sys
data = open(sys.argv[1], 'rb').read()
length = struct.unpack('<I', data[4:8])[0]
open(sys.argv[1], 'wb').write(struct.pack('<II', 0x0A0D0D0A, 28) + data[8:24] + struct.pack('<I', 28) + data[length:])
PY
}

S4=192.0.2.10 S6=2001:db8:5::10 C4=198.51.100.20 C6=2001:db8:c::20
SERVER="server, eth0=192.0.2.10/24,2001:db8:5::10/64"
ROUTER="router, eth0=192.0.2.1/24,2001:db8:5::1/64 eth1=203.0.113.1/24,2001:db8:9::1/64"
web() { local ns=$1; shift; run "$ns" curl -sk -m 10 -o /dev/null "$@"; }
login() { # ns address command
  run "$1" ssh -F /dev/null -i "$work/user" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    -o IdentitiesOnly=yes -o BatchMode=yes "root@$2" "$3"
}
ask() { local ns=$1; shift; run "$ns" dig +tries=1 +time=2 "$@"; }
forget_neighbours() { at server ip neigh flush all; at router ip neigh flush all; }

scene_ssh() {
  start ssh.pcap server eth0
  login client $S4 'echo hello; sleep 0.3; echo bye'
  login client $S4 'head -c 5000 /dev/zero'
  stop ssh.pcap "$SERVER" 'Two SSH logins from the client, each with a short command.'
}
scene_http() {
  start http.pcap server eth0
  web client http://$S4/
  web client http://$S4/page.txt http://$S4/missing # one connection, two requests
  web client http://$S4:8080/
  stop http.pcap "$SERVER" 'HTTP from the client: a page, 30 kB and a 404 on one connection, one request on port 8080.'
}
scene_https() {
  start https.pcapng server eth0
  web client https://$S4/
  web client https://$S4/page.txt
  stop https.pcapng "$SERVER" 'Two HTTPS requests (TLS 1.3) from the client.'
}
scene_dns() {
  start dns.pcap server eth0 --time-stamp-precision=nano
  ask client @$S4 server.example A
  ask client @$S4 server.example AAAA
  ask client @$S4 nothing.example A
  ask client @$S4 +tcp server.example TXT
  ask client @$S6 server.example A
  stop dns.pcap "$SERVER" 'DNS asked of the server: A, AAAA, NXDOMAIN by UDP, TXT by TCP, one over IPv6 (nanosecond file).'
}
scene_ping() {
  start ping.pcap server eth0
  run client ping -n -c 3 -i 0.2 $S4
  run server ping -n -c 3 -i 0.2 $C4
  run client ping -n -c 12 -i 0.01 $S4 # faster than a usual --limit
  run router ping -n -b -c 2 -i 0.2 192.0.2.255
  stop ping.pcap "$SERVER" 'Pings in, out, twelve at a 10 ms pace in, two to the broadcast address.'
}
scene_traceroute() {
  start traceroute.pcap server eth0
  run server traceroute -n -q 1 -N 1 -w 1 $C4
  run server traceroute -n -q 1 -N 1 -w 1 -I $C4
  run server traceroute -n -q 1 -N 1 -w 1 -T -p 80 $C4
  run client traceroute -n -q 1 -N 1 -w 1 $S4
  run server traceroute -6 -n -q 1 -N 1 -w 1 $C6
  stop traceroute.pcap "$SERVER" 'Traceroutes out by UDP, ICMP, TCP, in by UDP, out over IPv6: time exceeded and port unreachable.'
}
scene_ipv6() {
  forget_neighbours
  start ipv6.pcapng server eth0
  run client ping -6 -n -c 3 -i 0.2 $S6
  run server ping -6 -n -c 2 -i 0.2 2001:db8:5::1
  web client "http://[$S6]/"
  web client "https://[$S6]/"
  login client $S6 'echo hello'
  run router ping -6 -n -c 1 ff02::1%eth0
  sleep 5 # the neighbours are asked again
  stop ipv6.pcapng "$SERVER" 'IPv6: neighbour discovery, pings, HTTP, HTTPS, SSH, a ping to all nodes.'
}
scene_refused() {
  start refused.pcap server eth0
  run client nc -z -w 2 $S4 23
  run client nc -z -w 2 $S4 3306
  run client bash -c "echo hello | nc -u -w 1 $S4 161"
  run client dig +tries=1 +time=1 -p 5353 @$S4 server.example
  run client nc -6 -z -w 2 $S6 23
  run server nc -z -w 2 $C4 25
  run server dig +tries=1 +time=1 -p 5353 @$C4 server.example
  stop refused.pcap "$SERVER" 'Closed ports asked in both directions: TCP resets, ICMP and ICMPv6 port unreachable.'
}
scene_filtered() {
  at server iptables-legacy -I INPUT -p tcp --dport 3389 -j DROP
  at client iptables-legacy -I INPUT -p tcp --dport 25 -j DROP
  start filtered.pcap server eth0
  run client nc -z -w 8 $S4 3389 &
  local a=$!
  run server nc -z -w 4 $C4 25 &
  local b=$!
  web client http://$S4/
  wait $a $b
  stop filtered.pcap "$SERVER" 'SYNs sent again and again, in to port 3389 and out to port 25, never answered; one HTTP request between.'
  at server iptables-legacy -F INPUT
  at client iptables-legacy -F INPUT
}
scene_scan() {
  start scan.pcap server eth0
  local port
  for port in 21 22 23 25 53 80 110 111 135 139 143 443 445 993 1433 3306 3389 5432 5900 6379 8080 9200; do
    run client nc -z -w 1 $S4 $port
  done
  stop scan.pcap "$SERVER" 'The client tries 22 TCP ports one after the other; six are open.'
}
scene_fragments() {
  start fragments.pcap server eth0
  run client ping -n -c 2 -i 0.2 -s 4000 $S4
  run server ping -n -c 1 -s 4000 $C4
  run client ping -6 -n -c 2 -i 0.2 -s 4000 $S6
  run server ping -6 -n -c 1 -s 4000 $C6
  head -c 3000 "$work/www/page.txt" >"$work/datagram"
  run client bash -c "nc -u -w 1 $S4 9999 <'$work/datagram'"
  stop fragments.pcap "$SERVER" 'Fragmented pings of 4000 bytes in and out, IPv4 and IPv6; a fragmented UDP datagram to a closed port.'
}
scene_ftp_passive() {
  start ftp-passive.pcap server eth0
  run client curl -s -m 10 -o /dev/null --disable-epsv ftp://$S4/notes.txt
  run client lftp -e 'set ftp:use-mdtm off; ls; get -O /dev data.txt -o null; bye' ftp://$S4
  run client curl -s -m 10 -o /dev/null "ftp://[$S6]/notes.txt"
  stop ftp-passive.pcap "$SERVER" 'Passive FTP: PASV by curl, a listing and a file by lftp, EPSV over IPv6 by curl.'
}
scene_ftp_active() {
  start ftp-active.pcap server eth0
  run client curl -s -m 10 -o /dev/null --disable-eprt -P - ftp://$S4/notes.txt
  run client curl -s -m 10 -o /dev/null --eprt -P - ftp://$S4/data.txt
  run client curl -s -m 10 -o /dev/null -P - "ftp://[$S6]/notes.txt"
  stop ftp-active.pcap "$SERVER" 'Active FTP by curl: PORT, EPRT, EPRT over IPv6; the data connections come from port 20.'
}
scene_outgoing() {
  start outgoing.pcap server eth0
  ask server @$C4 client.example A
  web server http://$C4/
  web server https://$C4/
  login server $C4 'echo hello'
  run server nc -z -w 2 $C4 25
  stop outgoing.pcap "$SERVER" 'The server as a client: DNS, HTTP, HTTPS, SSH out, and a refused connection to port 25.'
}
scene_forwarded() {
  start forwarded.pcap router eth0
  web client http://$S4/
  ask client @$S4 server.example A
  run client ping -n -c 2 -i 0.2 $S4
  login server $C4 'echo hello'
  run server ping -n -c 2 -i 0.2 192.0.2.1
  run client nc -z -w 1 $S4 23
  run server traceroute -n -q 1 -N 1 -w 1 -I $C4
  run client ping -6 -n -c 2 -i 0.2 $S6
  web client "http://[$S6]/"
  stop forwarded.pcap "$ROUTER, recorded at eth0 only" 'Traffic between client and server at the router: HTTP, DNS, ping, SSH, traceroute, IPv6; pings to the router itself.'
}
scene_router() {
  start router.pcapng router eth0 -i eth1
  run server ping -n -c 2 -i 0.2 192.0.2.1
  run gateway ping -n -c 2 -i 0.2 203.0.113.1
  run gateway ping -6 -n -c 1 2001:db8:9::1
  web client http://$S4/
  stop router.pcapng "$ROUTER, recorded at both" 'Both interfaces in one file: pings to the router, and one HTTP exchange that is in it twice, as it came and as it left.'
}
scene_loopback() {
  start loopback.pcap server lo
  run server curl -s -m 5 -o /dev/null http://127.0.0.1/
  run server ping -n -c 2 -i 0.2 127.0.0.1
  run server dig +tries=1 +time=1 @127.0.0.1 server.example
  run server nc -z -w 1 127.0.0.1 23
  run server dig +tries=1 +time=1 -p 5353 @127.0.0.1 server.example
  run server curl -s -m 5 -o /dev/null "http://[::1]/"
  run server ping -6 -n -c 1 ::1
  run server ping -n -c 1 $S4
  stop loopback.pcap 'server, lo=127.0.0.1/8,::1/128 eth0=192.0.2.10/24,2001:db8:5::10/64, recorded at lo' \
    'Loopback: HTTP, pings, DNS, refused TCP and UDP, IPv6, a ping to its own eth0 address. Checksums unfilled, as on lo.'
}
scene_any() {
  start any.pcap server any
  mixed
  stop any.pcap "$SERVER lo=127.0.0.1/8,::1/128, recorded at any" 'A mix at interface "any" (LINKTYPE_LINUX_SLL2): HTTP in and out, ping, DNS, SSH and loopback.'
}
scene_any_sll() {
  start any-sll.pcap server any -y LINUX_SLL
  mixed
  stop any-sll.pcap "$SERVER lo=127.0.0.1/8,::1/128, recorded at any" 'The same kind of mix as LINKTYPE_LINUX_SLL.'
}
mixed() {
  web client http://$S4/
  run client ping -n -c 2 -i 0.2 $S4
  web server http://$C4/
  ask server @127.0.0.1 server.example A
  run server curl -s -m 5 -o /dev/null http://127.0.0.1/
  login client $S4 'echo hello'
  run client ping -6 -n -c 1 $S6
}
scene_mixed() {
  forget_neighbours
  start mixed.pcap server eth0
  login client $S4 'sleep 1; echo bye' &
  local a=$!
  run client ping -n -c 5 -i 0.3 $S4 &
  local b=$!
  local i
  for i in 1 2 3; do web client http://$S4/; web client https://$S4/; ask client @$S4 server.example A; done
  web server https://$C4/
  web client "http://[$S6]/"
  run client nc -z -w 1 $S4 23
  wait $a $b
  stop mixed.pcap "$SERVER" 'SSH, ping, HTTP, HTTPS, DNS, IPv6 and a refused port interleaved (gzip).' gz
}
scene_midstream() {
  at client timeout 20 curl -s -m 15 -o /dev/null http://$S4/slow &
  local a=$!
  sleep 0.4
  start midstream.pcap server eth0
  web client http://$S4/
  wait $a || true
  stop midstream.pcap "$SERVER" 'Recording began within a slow HTTP download: its SYN is missing; a whole HTTP exchange beside it.'
}
scene_offload() {
  at server ethtool -K eth0 tx on rx on sg on tso on gso on gro on >/dev/null 2>&1
  start offload.pcap server eth0
  web client http://$S4/page.txt
  web server http://$C4/page.txt
  stop offload.pcap "$SERVER" 'HTTP with offloading left on at the server: segments above the MTU and unfilled checksums in what it sends.'
  at server ethtool -K eth0 tx off rx off sg off tso off gso off gro off >/dev/null 2>&1
}

scenes="ssh http https dns ping traceroute ipv6 refused filtered scan fragments ftp_passive ftp_active
  outgoing forwarded router loopback any any_sll mixed midstream offload"

network
services
run client ping -n -c 1 $S4 # neighbours known, as on a host that has been up for a while
run client ping -6 -n -c 1 $S6
for scene in ${*:-$scenes}; do "scene_$scene"; done

# --- README: kept lines of scenes not recorded now, new lines for the others --------------------
readme=$here/README.md
if [ -f "$readme" ]; then
  while IFS='|' read -r _ file count vantage text _; do
    file=$(tr -d ' `' <<<"$file")
    [ -f "$here/$file" ] && [ ! -f "$work/line-$file" ] &&
      printf '%s\t%s\t%s\t%s\n' "$file" "$(xargs <<<"$count")" "$(sed 's/^ *//;s/ *$//' <<<"$vantage")" \
        "$(sed 's/^ *//;s/ *$//' <<<"$text")" >"$work/line-$file"
  done < <(grep '^| `' "$readme") || true
fi
{
  cat <<'HEAD'
# Captures

Real traffic between real programs (OpenSSH, nginx, curl, dnsmasq, dig, vsftpd, lftp, ping, traceroute,
netcat) in network namespaces, recorded with tcpdump (`.pcap`) and dumpcap (`.pcapng`) by
[`record.sh`](record.sh), which also writes this file. Addresses are of the documentation ranges
(RFC 5737, RFC 3849), MAC addresses too (RFC 7042). No bytes were edited, but the machine's
description in the pcapng section headers is left out.

```
client eth0 ──── gateway ──── eth1 router eth0 ──── eth0 server
198.51.100.20    .1   203.0.113.2     .1    192.0.2.1          192.0.2.10
2001:db8:c::20   ::1  2001:db8:9::2   ::1   2001:db8:5::1      2001:db8:5::10
```

The vantage column says where it was recorded, with that host's interfaces. The router reaches
198.51.100.0/24 and 2001:db8:c::/64 by eth1.

HEAD
  echo '| file | packets | vantage | what it holds |'
  echo '|---|---|---|---|'
  cat "$work"/line-* | sort | awk -F'\t' '{ printf "| `%s` | %s | %s | %s |\n", $1, $2, $3, $4 }'
} >"$work/readme"
mv "$work/readme" "$readme"
chmod 644 "$here"/*.md "$here"/*.pcap* 2>/dev/null
