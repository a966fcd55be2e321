#!/bin/sh
# SSH to this host from one address and from one subnet. The order of options does not matter.
sudo iptables -A INPUT -p tcp -s 203.0.113.51 --dport 22 -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT
sudo iptables -A OUTPUT -p tcp -d 203.0.113.51 --sport 22 -m conntrack --ctstate ESTABLISHED -j ACCEPT
sudo iptables -A INPUT -p tcp --dport 22 -s 203.0.113.0/24 -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT
sudo iptables -A OUTPUT --protocol tcp -m conntrack --ctstate ESTABLISHED --sport 22 -j ACCEPT -d 203.0.113.0/24
