#!/bin/sh
# A closed port: for everyone silently, for one source with an answer, which goes before it.
sudo iptables -A INPUT -p tcp --dport 3306 -s 203.0.113.51 -j REJECT
sudo iptables -A INPUT -p tcp --dport 3306 -j DROP
