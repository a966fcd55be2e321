#!/bin/sh
# No outgoing mail: a host that should not send any.
sudo iptables -A OUTPUT -p tcp --dport 25 -j REJECT
