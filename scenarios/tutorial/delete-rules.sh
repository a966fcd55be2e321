#!/bin/sh
# Deleting: by the rule's specification, and by its number as the listing shows it.
sudo iptables -A INPUT -i lo -j ACCEPT
sudo iptables -A INPUT -m conntrack --ctstate INVALID -j DROP
sudo iptables -A INPUT -s 203.0.113.51 -j DROP
sudo iptables -A INPUT -p tcp --dport 22 -j ACCEPT
sudo iptables -D INPUT -m conntrack --ctstate INVALID -j DROP
sudo iptables -L --line-numbers
sudo iptables -D INPUT 2
sudo iptables -S
